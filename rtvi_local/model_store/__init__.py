"""The models: which there are (`manifest`), fetching and verifying them, and the folder they are kept in (`store`)."""

from rtvi_local.model_store.errors import (
    BadManifest,
    ModelBroken,
    ModelMissing,
    ModelStoreError,
    NotAModel,
    NotEnoughSpace,
    PullFailed,
    UnknownModel,
)
from rtvi_local.model_store.manifest import Manifest, Model, ModelFile, Preset
from rtvi_local.model_store.progress import Progress, for_stream
from rtvi_local.model_store.pull import Network
from rtvi_local.model_store.store import ModelStore, default_directory, open_store, read_manifest

__all__ = [
    "BadManifest",
    "Manifest",
    "Model",
    "ModelBroken",
    "ModelFile",
    "ModelMissing",
    "ModelStore",
    "ModelStoreError",
    "Network",
    "NotAModel",
    "NotEnoughSpace",
    "Preset",
    "Progress",
    "PullFailed",
    "UnknownModel",
    "default_directory",
    "for_stream",
    "open_store",
    "read_manifest",
]
