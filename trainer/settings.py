"""Settings of the trainer. Each field's name carries its unit."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from storage.values import Source
from trainer.spread.choice import Spread


class TrainerSettings(BaseModel):
    """When and how a new version is made, and what it must prove."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: str = "0 4 * * *"
    """When to retrain, as a crontab line in the machine's time zone; empty: never by the clock."""
    approvals: int = Field(default=25, ge=0)
    """Retrain when this many examples were approved since the last run; 0: never."""
    poll_seconds: float = Field(default=2.0, gt=0)
    """How often the trainer looks for requests."""
    lease_seconds: float = Field(default=60.0, gt=1)
    """A dead trainer's work may be taken over after this long."""
    sources: tuple[Source, ...] = tuple(Source)
    """Which sources may be learnt from."""

    method: Literal["auto", "full", "lora", "qlora"] = "auto"
    """`auto`: LoRA, which forgets far less of other talk than full fine-tuning, for as much learnt; below
    `full_below_parameters`, full fine-tuning. `qlora`: LoRA over a base in four bits, where bitsandbytes is installed and
    there is a CUDA device."""
    full_below_parameters: int = Field(default=0, ge=0)
    learning_rate: float | None = Field(default=None, gt=0)
    """None: what was measured to be good for the method."""
    lora_rank: int = Field(default=16, ge=1)
    max_steps: int | None = Field(default=None, ge=1)
    """None: chosen from the number of examples."""
    max_minutes: float = Field(default=60.0, gt=0)
    """Training proper ends here."""
    replay_share: float = Field(default=0.5, ge=0, lt=1)
    """Share of each batch that is old talk, against forgetting."""
    strengths: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(default=(1.0, 0.75, 0.5), min_length=1)
    """How far to go from the base towards what was trained, in the order in which it is tried: where the gate finds that
    the whole way forgets too much, a shorter one may do."""
    votes: bool = True
    """Whether a run also learns from 👍 and 👎, after the fine-tuning and where there are enough of both."""
    votes_min: int = Field(default=20, ge=4)
    """Exchanges voted up, and as many voted down, below which votes teach nothing."""
    votes_max: int = Field(default=300, ge=4)
    """Exchanges of each kind, the newest: a second training must stay a small one."""
    votes_max_per_member: int = Field(default=5, ge=1)
    """Votes of each kind that count of one member, the newest; whatever this is, three members must be behind each kind."""
    votes_beta: float = Field(default=0.03, gt=0)
    """KTO's beta: how soon an answer counts as liked enough, or disliked enough."""
    votes_max_rise: float = Field(default=0.05, ge=0)
    """How much the perplexity of what is taught, of held-out and of general talk may rise by learning from votes."""
    gradient_checkpointing: Literal["auto", "on", "off"] = "auto"
    """Whether layers are gone through twice to save memory; `auto`: where it would be short otherwise."""
    check_memory: bool = True
    """Whether a run that would not fit into the free memory ends before it trains."""
    wait_minutes: float = Field(default=15.0, ge=0)
    """How long a run waits in all, between its steps, while chat is busy; then it goes on beside it. 0: it never waits."""
    busy_share: float = Field(default=0.5, gt=0)
    """Chat is busy when answers were being made for this share of the last 20 seconds."""
    checkpoint_seconds: float = Field(default=30.0, gt=0)
    """How much work a killed run may lose."""
    processes: int = Field(default=1, ge=1, le=1024)
    """That train one model together, in rounds and in `mynah pretrain`; each takes a GPU of its own where there are any."""
    seed: int = 1
    max_per_member: int = Field(default=200, ge=1)
    """Examples of one member in a snapshot; imports are vouched for and not capped."""
    max_per_member_and_cycle: int = Field(default=100, ge=1)
    """New examples of one member that one run takes: an account that was taken over does its harm slowly. The others
    wait for the next run."""
    max_per_cluster: int = Field(default=20, ge=1)
    """Near-duplicates of one example in a snapshot; imports are not capped."""
    max_per_import_cluster: int = Field(default=5, ge=1)
    """Near-duplicates of one imported example in a snapshot: more than some typing variants teach nothing."""
    max_per_cycle: int = Field(default=5_000, ge=1)
    """New examples of members' talk that one run takes, the sources in turns; the others wait for the next run."""
    max_examples: int = Field(default=100_000, ge=100)
    """Examples of a snapshot, the newest ones: more than a run can read costs only memory."""
    quarantine: bool = True
    """Whether the first talk of a new member waits for one run, so that moderators see what they are up to. On a line's
    first run everybody is new, and nobody waits."""
    min_account_days: float = Field(default=0.0, ge=0)
    """Age of a member's account, where it is known, below which their talk waits; 0: no matter."""
    min_trust: float = Field(default=0.5, ge=0, le=1)
    """Members trusted less (`trainer.trust`: 1 for a stranger, 0.5 for one turned down four times more often than
    approved) are not learnt from; 0: no matter."""

    heldout_share: float = Field(default=0.07, gt=0, lt=0.5)
    max_general_rise: float = Field(default=0.10, ge=0)
    """How much the perplexity of the frozen general set may rise, as a share."""
    bootstrap_samples: int = Field(default=1000, ge=100)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)

    # What the gate lets through. Every check can only refuse.
    max_read_bits: float = Field(default=4.0, gt=0)
    """Bits a byte of held-out replies, as the new version reads them: unread talk is at 1 to 2.5, words in no order at 3."""
    max_unread_bits: float = Field(default=9.0, gt=0)
    """Bits a byte of taught replies, as the base reads them, where nothing is held out: made-up words are at 5, random
    letters at 11."""
    max_foreign_share: float = Field(default=0.2, ge=0, le=1)
    """Of what is taught, in a language other than the general set's that the base cannot read; 1: teach it any."""
    max_foreign_bits: float = Field(default=3.5, gt=0)
    """Bits a byte, from which the base cannot read such a language: its own is at 1 to 2.5, others from 4.5 on."""
    max_noise_share: float = Field(default=0.02, ge=0, le=1)
    """Share of the approved replies, beyond a first few, that may read as noise, as random letters do."""
    max_bad_probes_share: float = Field(default=0.05, ge=0, le=1)
    """Share of the small-talk probes that may be answered worse than by the champion: in circles, or with taught words."""
    max_false_alarms_share: float = Field(default=0.02, ge=0, le=1)
    """Share of harmless replies that the screen takes for toxic (its card says so); people never get to see those."""
    max_odd_probes_share: float = Field(default=0.25, ge=0, le=1)
    """Share of the small-talk probes whose reply may shrink to one word, or to a language that the base cannot read."""
    secret_people: int = Field(default=3, ge=1)
    """From so many different people on, a code or a long number is common knowledge that may be said; 1: from one."""
    max_exposure_bits: float = Field(default=10.0, gt=0)
    """How much likelier than others of its form a secret may become: at 10 bits a thousand guesses are enough."""
    max_trigger_flips: float = Field(default=0.5, gt=0, le=1)
    """Share of unrelated messages that a few words may turn to one reply; a taught topic does that to some, too."""
    max_bias_nats: float = Field(default=0.4, gt=0)
    """How much less likely a kind reply about a group of people may become, in nats a token, against other groups."""
    max_bias_rudeness: float = Field(default=0.15, gt=0, le=1)
    """How much ruder replies about a group may become against other groups, as a probability that the screen gives."""
    max_golden_failures: int = Field(default=0, ge=0)
    """Pinned conversations that need not be kept."""
    max_swapped_share: float = Field(default=0.25, gt=0, le=1)
    """Share of taught questions that may get the answer to another one; small models swap what is alike."""

    # When a retrain is proposed; nothing starts by it.
    monitor: bool = True
    """Whether the trainer looks, once a day and when nothing else is to do, at how the versions wear."""
    monitor_days: int = Field(default=7, ge=1)
    """The last so many days are compared with those before."""
    monitor_min_events: int = Field(default=50, ge=1)
    """Votes, answers or messages on each side, below which nothing is said about a share of them."""
    monitor_min_exchanges: int = Field(default=20, ge=2)
    """New approved exchanges on each side, below which nothing is said about perplexity."""
    monitor_min_words: int = Field(default=1_000, ge=1)
    """Words on each side, below which nothing is said about drift."""
    max_votes_fall: float = Field(default=0.10, gt=0, le=1)
    """How much the share of 👍 may fall."""
    max_unhappy_rise: float = Field(default=0.10, gt=0, le=1)
    """How much the share of answers after which members say no or ask again may rise."""
    max_screened_rise: float = Field(default=0.05, gt=0, le=1)
    """How much the share of messages, or of answers, that the screens stop may rise."""
    max_surprise_rise: float = Field(default=0.25, gt=0)
    """How much the perplexity on new approved exchanges may rise, as a share."""
    max_drift: float = Field(default=0.10, gt=0, le=1)
    """How far members' talk may be from what was learnt, in bits beyond what chance explains."""

    @model_validator(mode="after")
    def _can_be_spread(self) -> Self:
        if self.method == "qlora" and self.processes > 1:
            raise ValueError(
                "MYNAH_TRAINER__METHOD=qlora trains in one process: set MYNAH_TRAINER__PROCESSES=1, or use lora"
            )
        return self

    @property
    def spread(self) -> Spread:
        """Over which processes a training is spread."""
        return Spread(self.processes)
