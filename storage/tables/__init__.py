"""The tables. Only storage knows them; everyone else sees the plain values of `storage.values` and `storage.governance`.

Ids of SQLite tables are never used twice: see `storage.tables.building`. The migrations in `storage/migrations` are what
makes these tables; a test compares both.
"""

from storage.tables.building import (
    Row,
)
from storage.tables.examples import (
    CandidateAuthorRow,
    CandidateBandRow,
    CandidateOriginRow,
    CandidateRow,
    CandidateTurnRow,
    CandidateWordRow,
    CurationRow,
    KeptBandRow,
    ReviewCardRow,
    ReviewRow,
    RevisionRow,
)
from storage.tables.monitoring import (
    MonitoredDayRow,
    ProposalNoteRow,
    ProposalRow,
)
from storage.tables.operation import (
    AuditRow,
    BotRow,
    ClaimRow,
    CommitRow,
    LeaseRow,
    ServerSettingRow,
)
from storage.tables.people import (
    BlockRow,
    ConsentRow,
    FirstContactRow,
    ReceiptRow,
)
from storage.tables.talk import (
    ConversationRow,
    KeptOutRow,
    RecallRow,
    SignalRow,
    TurnRow,
    VoteRow,
)
from storage.tables.versions import (
    AliasChangeRow,
    CanaryRow,
    EvaluationRow,
    ModelVersionRow,
    RecallMeasureRow,
    RunCardRow,
    RunRow,
    SnapshotAuthorRow,
    SnapshotCandidateRow,
    SnapshotRow,
)

__all__ = [
    "AliasChangeRow",
    "AuditRow",
    "BlockRow",
    "BotRow",
    "CanaryRow",
    "CandidateAuthorRow",
    "CandidateBandRow",
    "CandidateOriginRow",
    "CandidateRow",
    "CandidateTurnRow",
    "CandidateWordRow",
    "ClaimRow",
    "CommitRow",
    "ConsentRow",
    "ConversationRow",
    "CurationRow",
    "EvaluationRow",
    "FirstContactRow",
    "KeptBandRow",
    "KeptOutRow",
    "LeaseRow",
    "ModelVersionRow",
    "MonitoredDayRow",
    "ProposalNoteRow",
    "ProposalRow",
    "RecallMeasureRow",
    "RecallRow",
    "ReceiptRow",
    "ReviewCardRow",
    "ReviewRow",
    "RevisionRow",
    "Row",
    "RunCardRow",
    "RunRow",
    "ServerSettingRow",
    "SignalRow",
    "SnapshotAuthorRow",
    "SnapshotCandidateRow",
    "SnapshotRow",
    "TurnRow",
    "VoteRow",
]
