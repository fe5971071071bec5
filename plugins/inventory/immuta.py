# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: immuta
short_description: Use the data platforms of an Immuta tenant as hosts
version_added: 1.0.0
author:
  - The community.immuta contributors (@community-immuta)
description:
  - Creates a host for every integration and every connection of one tenant, so that plays and the inventories of an automation controller follow
    the tenant.
  - The plugin reads a YAML file whose name is C(immuta.yml) or C(immuta.yaml), or ends with C(.immuta.yml) or C(.immuta.yaml). Each file names one
    tenant. Use several files for several tenants.
  - An integration that belongs to a connection does not become a separate host. Deleted and disabled platforms do not become hosts.
  - The plugin only reads. It sends one request for all integrations, one for the list of connections, and one for each connection.
  - The name of a host describes the platform. For an integration, it consists of the type and the value that identifies the integration, such as
    V(snowflake_acme.eu-central-1.snowflakecomputing.com), V(google_bigquery_immuta) (the dataset), V(native_s3_lake) (the name) and V(trino). For a
    connection, it is V(connection_) and the key. The name depends neither on the status nor on the order in which the tenant lists the platforms.
  - In every name, an underscore replaces each character other than a letter, digit, dot, underscore or hyphen. If several platforms of a tenant
    would have the same name, the plugin appends the ID of the integration, or a checksum of the connection's key, to each of them, so that no
    platform takes the name of another. The filters do not change names.
  - The variables of a host and the cache contain no secrets.
extends_documentation_fragment:
  - community.immuta.tenant.options
  - constructed
  - inventory_cache
requirements:
  - requests
notes:
  - An environment variable that is set but empty counts as not set.
  - Credentials of the file take precedence over those of the environment. Within one source, a bearer token takes precedence over an API key.
  - O(url), O(api_key) and O(bearer_token) can be Jinja2 templates that use the variables of C(--extra-vars), and you can encrypt them with Ansible
    Vault.
  - The user that the credentials belong to needs the permission C(APPLICATION_ADMIN).
  - The variables of a host come from the tenant. Ansible never evaluates them as templates.
  - The cache does not depend on the credentials. A user who can read it sees what the user who filled it could see.
  - For few technologies, the API says which integration belongs to a connection. For all others, both become hosts.
options:
  plugin:
    description: Marks the file as a source of this plugin.
    type: str
    required: true
    choices: [community.immuta.immuta]
  include:
    description: Which kinds of platforms become hosts.
    type: list
    elements: str
    choices: [integrations, connections]
    default: [integrations, connections]
  types:
    description:
      - Include only integrations of these types and connections of these technologies, such as V(Snowflake). Case does not matter.
      - If the list is empty, all of them become hosts.
    type: list
    elements: str
    default: []
    aliases: [technologies]
  statuses:
    description:
      - Include only integrations with these statuses and connections in these states, such as V(enabled) and V(active). Case does not matter.
      - If the list is empty, all of them become hosts.
    type: list
    elements: str
    default: []
  hostname:
    description:
      - A Jinja2 template for the name of a host, or a list of templates. The plugin uses the first one that results in a name. If none does, it
        uses the default name that is described above.
      - The template can use all variables of the host. C(immuta_name) contains the default name.
    type: raw
  group:
    description: The group that contains all hosts. The playbooks of this collection run on V(immuta_platforms).
    type: str
    default: immuta_platforms
"""

EXAMPLES = r"""
# Each example is the content of a file immuta.yml. Remove the first # of each line to use one that is commented out.

# All platforms, with the tenant and its key from IMMUTA_URL and IMMUTA_API_KEY
plugin: community.immuta.immuta

# ---
# # A key that is encrypted with Ansible Vault, and groups by type, state and tenant: type_Snowflake, status_enabled, tenant_acme_immutacloud_com
# plugin: community.immuta.immuta
# url: https://acme.immutacloud.com
# api_key: !vault |
#   $ANSIBLE_VAULT;1.1;AES256
#   62313365396662343061393464336163383764373764613633653634306231386433626436623361
#   6134333665353966363534333632666535333761666131620a663537646436643839616531643561
#   63396265333963386166373632626539326166353965363262633030333630313338646335303630
#   3438626666666137650a353638643435666633633964366338633066623234616432373231333331
#   6564
# keyed_groups:
#   - key: immuta_type
#     prefix: type
#   - key: immuta_status
#     prefix: status
#   - key: immuta_tenant
#     prefix: tenant

# ---
# # A group of the platforms that are not healthy, with names that show the tenant
# plugin: community.immuta.immuta
# url: "{{ lookup('ansible.builtin.env', 'US_TENANT') }}"
# api_key: "{{ us_api_key }}"
# types: [Snowflake, Databricks]
# hostname: us_{{ immuta_name }}
# groups:
#   broken: immuta_healthy is sameas false

# ---
# # Only connections, with a cache that expires after an hour
# plugin: community.immuta.immuta
# include: [connections]
# hostname:
#   - "{{ immuta_connection_key }}"
# compose:
#   snowflake_account: (immuta_host or '').split('.') | first
# cache: true
# cache_plugin: ansible.builtin.jsonfile
# cache_connection: ~/.cache/immuta
# cache_timeout: 3600
"""

import os
import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.community.immuta.plugins.module_utils._ansible.inventory import (
    from_cache,
    is_other_platform,
    matches_filters,
    read_platforms,
    to_cache,
    unique_names,
)
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC, connect, tenant_of, tenant_url
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError, OptionError
from ansible_collections.community.immuta.plugins.module_utils._core.names import nearest
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import find_secrets, mask
from ansible_collections.community.immuta.plugins.module_utils._fleet.names import safe

FILE = re.compile(r"(?:.+\.)?immuta\.ya?ml")
# A text of only these characters is not a template, and is harmless as a condition that consists of its variable.
HARMLESS = re.compile(r"[\w .:/@,+~=-]*")
# Before ansible-core 2.19, a text is a template unless it is marked as unsafe. Since 2.19, a text is a template only if it is marked as trusted, and
# ansible-inventory wraps every text that is not.
try:
    from ansible.template import trust_as_template as trusted

    untrusted = str
except ImportError:
    from ansible.utils.unsafe_proxy import wrap_var as untrusted

    trusted = str


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "community.immuta.immuta"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path) and FILE.fullmatch(os.path.basename(path)))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        secrets: set[str] = set()
        before = set(inventory.hosts)
        try:
            self._populate(self._platforms(path, cache, secrets))
        except (ImmutaError, AnsibleError) as error:
            # core continues after a warning, and some of the platforms would look like all of them
            for name in set(inventory.hosts) - before:
                inventory.remove_host(inventory.hosts[name])
            # core also shows the lines around an error, which may contain a secret
            raise AnsibleParserError(mask(_message(error), secrets)) from None

    # --- the file ------------------------------------------------------------------------------------------------

    def _platforms(self, path: str, cache: bool, secrets: set[str]) -> list[dict[str, Any]]:
        """Return the variables of every platform, from the cache or from the tenant. Adds the secrets of the file to C(secrets)."""
        params = self._tenant_options(path, secrets)
        session = connect(params, task_options=list(params), read_only=True, warn=self._warn(secrets), secrets=secrets)
        url, tenant = tenant_url(params), tenant_of(params)
        uses_cache, key = self.get_option("cache"), self.get_cache_key(path)
        platforms = from_cache(self._cache.get(key), url) if uses_cache and cache else None
        if platforms is None:
            platforms = read_platforms(session, self._warn(secrets))
            if uses_cache:
                self._cache[key] = to_cache(url, platforms)
        return [{**each, "immuta_tenant": tenant, "immuta_url": url} for each in platforms]

    def _tenant_options(self, path: str, secrets: set[str]) -> dict[str, Any]:
        """Return the tenant options that the file gives. The others come from the environment, which takes precedence over a default."""
        secrets.update(find_secrets(self.loader.load_from_file(path)))
        config = self._read_config_data(path)
        self._refuse_unknown(config)
        given = {option: self.get_option(option) for option in TENANT_SPEC if config.get(option) not in (None, "")}
        self.templar.available_variables = self._vars
        for option in {"url", "api_key", "bearer_token"} & given.keys():
            given[option] = self._evaluated(option, given[option])
        secrets.update(find_secrets(given))
        return given

    def _refuse_unknown(self, config: Mapping[str, Any]) -> None:
        """Raise OptionError for an unknown option. ansible-core would silently ignore a misspelled filter."""
        known = {*self._options, "technologies"}
        unknown = [str(name) for name in config if name not in known]
        if unknown:
            near = nearest(unknown[0], known)
            hint = f"Did you mean {near}?" if near else None
            raise OptionError(f"There is no option {', '.join(unknown)}.", option=unknown[0], hint=hint)

    def _warn(self, secrets: set[str]) -> Any:
        return lambda text: self.display.warning(mask(text, secrets))

    # --- the hosts -----------------------------------------------------------------------------------------------

    def _populate(self, platforms: list[dict[str, Any]]) -> None:
        include, types, statuses = (self.get_option(name) for name in ("include", "types", "statuses"))
        variables = [_untemplated(each) for each in platforms]
        names = unique_names([self._name(each) for each in variables], platforms)
        hosts = {name: each for name, each in zip(names, variables) if matches_filters(each, include, types, statuses)}
        for name, known in hosts.items():
            existing = self.inventory.get_host(name) if name in self.inventory.hosts else None
            if existing and is_other_platform(existing.vars, known):
                raise OptionError(
                    f"The inventory already has a host {name} for another platform ({existing.vars.get('immuta_url')}).",
                    option="hostname",
                    hint="Give the hosts of one file other names, for example with hostname: us_{{ immuta_name }}.",
                )
        group = self.inventory.add_group(self.get_option("group"))
        for name, known in sorted(hosts.items()):
            self._add(name, known, group)

    def _add(self, name: str, variables: Mapping[str, Any], group: str) -> None:
        self.inventory.add_host(name, group=group)
        for variable, value in variables.items():
            self.inventory.set_variable(name, variable, value)
        strict, known = self.get_option("strict"), self.inventory.get_host(name).get_vars()
        self._set_composite_vars(self.get_option("compose"), known, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), known, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, name, strict=strict)

    def _name(self, variables: Mapping[str, Any]) -> str:
        """Return the first name that a template of C(hostname) results in, or the default name. Raises OptionError."""
        preferred = self.get_option("hostname") or []
        if not isinstance(preferred, (str, list)):
            raise OptionError("hostname must be a template, or a list of templates.", option="hostname")
        self.templar.available_variables = dict(variables)
        for template in [preferred] if isinstance(preferred, str) else preferred:
            try:
                name = safe(self._evaluated("hostname", template))
            except OptionError:
                if self.get_option("strict"):
                    raise
                continue
            if name:
                return name
        return str(variables["immuta_name"])

    def _evaluated(self, option: str, template: Any) -> str:
        """Return the evaluated template of an option. Raises OptionError."""
        try:
            value = self.templar.template(template)
        except AnsibleError as error:
            raise OptionError(f"{option} cannot be evaluated: {_message(error).rstrip('.')}.", option=option) from None
        return "" if value is None else str(value)


def _message(error: Exception) -> str:
    """Return the message of an error. For an error of ansible-core, leave out the lines of the file around it."""
    return str(error) if isinstance(error, ImmutaError) else str(getattr(error, "message", None) or error)


def _untemplated(value: Any) -> Any:
    """Return the value in a form that Ansible never evaluates. A harmless text stays plain, so that every inventory reader can show it."""
    if isinstance(value, Mapping):
        return {name: _untemplated(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_untemplated(item) for item in value]
    if not isinstance(value, str):
        return value
    return trusted(value) if HARMLESS.fullmatch(value) else untrusted(value)
