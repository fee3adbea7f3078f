"""What cannot be done while a model server answers that has a model of its own, and what to do about it."""

from storage.errors import Refused


def own_model_only() -> Refused:
    """The error to raise where a version of ours would have to be trained, promoted or served."""
    return Refused(
        "The model server answers with a model of its own, and takes no version of ours: nothing can be trained for it "
        "or promoted.",
        advice="Serve the base with vLLM and set MYNAH_REMOTE__ADAPTERS=true, or answer on this machine: empty "
        "MYNAH_REMOTE__URLS.",
    )
