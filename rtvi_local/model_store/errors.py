"""What can go wrong with models. The text of every error is what the user reads: it names the model, the file, the fix."""

from __future__ import annotations

from rtvi_local.errors import UserError


class ModelStoreError(UserError):
    """Base of all of them."""


class BadManifest(ModelStoreError):
    """A manifest that cannot be used, with the place in it."""


class UnknownModel(ModelStoreError):
    """A model or preset that no manifest names, or a model of the wrong kind."""


class ModelMissing(ModelStoreError):
    """A model that is not there, or not whole."""


class ModelBroken(ModelStoreError):
    """A model with a file that is not what the manifest says."""


class SourceFailed(ModelStoreError):
    """One source did not give the file; the next one is tried."""


class PullFailed(ModelStoreError):
    """Some model could not be fetched from any of its sources."""


class NotEnoughSpace(ModelStoreError):
    """The disk would be full before the models are there."""


class NotAModel(ModelStoreError):
    """What `add` was given is none of the kinds that it knows, or damaged."""
