"""Compiles the native wire into a wheel: a build hook of hatch beside that of mypyc, on when that is on (pyproject.toml)."""

import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension

MODULE = "tidegate.dataplane.wire.native"
SOURCE = "app/tidegate/dataplane/wire/native.pyx"


class WireBuildHook(BuildHookInterface[Any]):
    """Builds one extension module and puts it beside its package."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile before the wheel is put together."""
        folder = tempfile.mkdtemp(prefix="tidegate-wire-")
        modules = cythonize([Extension(MODULE, [SOURCE])], include_path=["app"], build_dir=folder, quiet=True)
        command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
        command.set_undefined_options("build")
        command.build_lib = command.build_temp = folder
        command.ensure_finalized()
        command.run()
        path = Path(*MODULE.split(".")).with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
        build_data["force_include"][str(Path(folder) / path)] = str(path)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
