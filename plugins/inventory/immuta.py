# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: immuta
short_description: The data platforms of an Immuta tenant as hosts
version_added: 0.1.0
author:
  - The community.immuta contributors (@community-immuta)
description:
  - Makes a host of every integration and every connection of one tenant, so that plays and inventories of an automation controller follow it.
  - It reads a YAML file whose name is C(immuta.yml) or C(immuta.yaml), or ends in C(.immuta.yml) or C(.immuta.yaml). A file names one tenant; for
    several tenants have several files.
  - An integration that a connection owns is no host of its own. What is deleted or disabled is no host.
  - It only reads. It sends one request for all integrations, one for the list of connections, and one for each connection.
  - A host is called by what it is. An integration is its type and what finds it, such as V(snowflake_acme.eu-central-1.snowflakecomputing.com),
    V(google_bigquery_immuta) (its dataset), V(native_s3_lake) (its name) and V(trino). A connection is V(connection_) and its key. Both are free
    of the status and of the order in which the tenant lists them.
  - In every name what is no letter, digit, dot, underscore or hyphen becomes an underscore. Where several platforms of a tenant would have the
    same name, each of them gets the id of the integration behind its name, or a checksum of the connection's key, so that no platform takes the name
    of another. The filters have no influence on names.
  - Secrets are neither among the variables of a host, nor in the cache.
extends_documentation_fragment:
  - community.immuta.tenant.options
  - constructed
  - inventory_cache
requirements:
  - requests
notes:
  - An environment variable that is set but empty counts as not set.
  - Credentials that the file gives go before those of the environment. Of one source a bearer token goes before an API key.
  - O(url), O(api_key) and O(bearer_token) can be Jinja2 templates, with the variables of C(--extra-vars), and can be encrypted with Ansible Vault.
  - The user behind the key needs the permission C(APPLICATION_ADMIN).
  - What a host knows is what the tenant says, and it is never evaluated as a template.
  - The cache does not depend on the credentials. Who may read it sees what the last one who asked saw.
  - Where the tenant does not show which integration is behind a connection, which its API shows for few technologies, both are hosts.
options:
  plugin:
    description: It marks the file as one of this plugin.
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
      - Only integrations of these types and connections of these technologies, such as V(Snowflake). Case does not matter.
      - If it is empty, all of them become hosts.
    type: list
    elements: str
    default: []
    aliases: [technologies]
  statuses:
    description:
      - Only integrations with these statuses and connections in these states, such as V(enabled) and V(active). Case does not matter.
      - If it is empty, all of them become hosts.
    type: list
    elements: str
    default: []
  hostname:
    description:
      - A Jinja2 template for the name of a host, or a list of them. The first one that gives a name counts, and the name that is described above
        where none does.
      - All variables of the host can be used. C(immuta_name) holds the name that is described above.
    type: raw
  group:
    description: The group that all hosts are in. The playbooks of this collection run on V(immuta_platforms).
    type: str
    default: immuta_platforms
"""

EXAMPLES = r"""
# All of these are the content of a file immuta.yml.

# Everything, with the tenant and its key from IMMUTA_URL and IMMUTA_API_KEY
plugin: community.immuta.immuta

---
# The key from the vault, and groups by type, state and tenant: type_Snowflake, status_enabled, tenant_acme_immutacloud_com
plugin: community.immuta.immuta
url: https://acme.immutacloud.com
api_key: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  62313365396662343061393464336163383764373764613633653634306231386433626436623361
  6134333665353966363534333632666535333761666131620a663537646436643839616531643561
  63396265333963386166373632626539326166353965363262633030333630313338646335303630
  3438626666666137650a353638643435666633633964366338633066623234616432373231333331
  6564
keyed_groups:
  - key: immuta_type
    prefix: type
  - key: immuta_status
    prefix: status
  - key: immuta_tenant
    prefix: tenant

---
# What is not healthy, under names that say which tenant it is
plugin: community.immuta.immuta
url: "{{ lookup('ansible.builtin.env', 'US_TENANT') }}"
api_key: "{{ us_api_key }}"
types: [Snowflake, Databricks]
hostname: us_{{ immuta_name }}
groups:
  broken: immuta_healthy is sameas false

---
# Connections only, read again after an hour
plugin: community.immuta.immuta
include: [connections]
hostname:
  - "{{ immuta_connection_key }}"
compose:
  snowflake_account: (immuta_host or '').split('.') | first
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/immuta
cache_timeout: 3600
"""

import os
import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.community.immuta.plugins.module_utils._ansible.inventory import (
    is_another,
    is_asked_for,
    packed,
    platforms_of,
    told_apart,
    unpacked,
)
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC, connect, tenant_of, tenant_url
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError, OptionError
from ansible_collections.community.immuta.plugins.module_utils._core.names import nearest
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import find_secrets, mask
from ansible_collections.community.immuta.plugins.module_utils._fleet.names import safe

FILE = re.compile(r"(?:.+\.)?immuta\.ya?ml")
# A text of these is no template, and evaluates nothing where a condition names its variable alone.
HARMLESS = re.compile(r"[\w .:/@,+~=-]*")
# Before ansible-core 2.19 a text is a template unless somebody says that it is not. From then on it is none unless somebody says so, and
# ansible-inventory wraps each text of which nobody did.
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
            self._populate(self._found(path, cache, secrets))
        except (ImmutaError, AnsibleError) as error:
            # core goes on after a warning, and half of the platforms would pass for all of them
            for name in set(inventory.hosts) - before:
                inventory.remove_host(inventory.hosts[name])
            # core also shows what stands around the place of an error, and there may be a secret
            raise AnsibleParserError(mask(_said(error), secrets)) from None

    # --- the file ------------------------------------------------------------------------------------------------

    def _found(self, path: str, cache: bool, secrets: set[str]) -> list[dict[str, Any]]:
        """Every platform of the tenant, from the cache or from the tenant itself. secrets: grows by those that the file holds."""
        params = self._tenant_options(path, secrets)
        session = connect(params, given=list(params), read_only=True, warn=self._warn(secrets), secrets=secrets)
        url, tenant = tenant_url(params), tenant_of(params)
        keeps, key = self.get_option("cache"), self.get_cache_key(path)
        found = unpacked(self._cache.get(key), url) if keeps and cache else None
        if found is None:
            found = platforms_of(session, self._warn(secrets))
            if keeps:
                self._cache[key] = packed(url, found)
        return [{**each, "immuta_tenant": tenant, "immuta_url": url} for each in found]

    def _tenant_options(self, path: str, secrets: set[str]) -> dict[str, Any]:
        """The options of the tenant that the file gives. Those that it does not give are left to the environment, which says more than a default."""
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
        """Raise OptionError for an option that there is not: core would take a filter that is misspelled for none."""
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
        names = told_apart([self._name(each) for each in variables], platforms)
        hosts = {name: each for name, each in zip(names, variables) if is_asked_for(each, include, types, statuses)}
        for name, known in hosts.items():
            there = self.inventory.get_host(name) if name in self.inventory.hosts else None
            if there and is_another(there.vars, known):
                raise OptionError(
                    f"Host {name} is in the inventory already, as another platform ({there.vars.get('immuta_url')}).",
                    option="hostname",
                    hint="Give the hosts of one of the files other names, for example by hostname: us_{{ immuta_name }}.",
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
        """The first of the names that are preferred which there is; else the platform's own."""
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
        """What the template of an option gives. Raises OptionError."""
        try:
            value = self.templar.template(template)
        except AnsibleError as error:
            raise OptionError(f"{option} cannot be evaluated: {_said(error).rstrip('.')}.", option=option) from None
        return "" if value is None else str(value)


def _said(error: Exception) -> str:
    """What an error says, of one of ansible-core without the lines of the file around it."""
    return str(error) if isinstance(error, ImmutaError) else str(getattr(error, "message", None) or error)


def _untemplated(value: Any) -> Any:
    """The value as Ansible never evaluates it. A text that would come to no harm stays one that every reader of an inventory can read."""
    if isinstance(value, Mapping):
        return {name: _untemplated(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_untemplated(item) for item in value]
    if not isinstance(value, str):
        return value
    return trusted(value) if HARMLESS.fullmatch(value) else untrusted(value)
