"""The steps of a deployment. Each is done once: what an earlier run completed is taken as it is."""

from __future__ import annotations

from core.checkpoint import Training, read_training
from core.config import FinetuneConfig
from core.home import Home
from core.package import PackageFacts, read_facts, verify_files
from core.progress import Progress
from finetune.run import finetune
from lifecycle.deploy.folder import DeployFolder
from lifecycle.deploy.parts import Parts
from lifecycle.packaging import package_checkpoint
from lifecycle.registration import register_package


def train(
    home: Home, folder: DeployFolder, parts: Parts, settings: FinetuneConfig, *, on_progress: Progress
) -> Training:
    """Raises as `finetune.run.finetune`; an interrupted training goes on from its last saved state."""
    if not folder.checkpoint.exists():
        finetune(
            parts.train,
            out=folder.checkpoint,
            settings=settings,
            cache=home.config.cache,
            datasets=home.config.datasets,
            resume=True,
            on_progress=on_progress,
        )
    return read_training(folder.checkpoint)


def pack(
    home: Home, folder: DeployFolder, parts: Parts, *, rung: str | None = None, on_progress: Progress
) -> PackageFacts:
    """Raises as `package_checkpoint`."""
    if not folder.package.exists():
        package_checkpoint(
            home, folder.checkpoint, out=folder.package, reference=parts.reference, rung=rung, on_progress=on_progress
        )
    verify_files(folder.package)
    return read_facts(folder.package)


def registered_version(home: Home, folder: DeployFolder, model: str) -> str | None:
    """The version that an earlier run registered, if the registry still has it."""
    version = folder.version()
    return version if version in home.registry.versions(model) else None


def register(home: Home, folder: DeployFolder, model: str) -> str:
    """The version's number. Raises as `Registry.add`."""
    version = register_package(home, folder.package, model).version
    folder.note_version(version)
    return version
