"""Put what lies beside the package in a checkout into the wheel; an editable install finds it where it is."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BESIDE_THE_PACKAGE = ("backends", "router-config.json", "SKILL.md", "plugin")


class BundleHook(BuildHookInterface[Any]):
    """Add the backends, the rule table, the skill and the plugin to a standard wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files to add, unless the install is an editable one."""
        if version == "standard":
            build_data["force_include"] |= {name: f"memory_router/{name}" for name in BESIDE_THE_PACKAGE}
