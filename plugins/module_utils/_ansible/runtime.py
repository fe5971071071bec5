# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only interface between Ansible and the collection: runs the code of a module, and reports one result or failure.

No other file imports AnsibleModule, and no other calls exit_json or fail_json.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import ImmutaError, OptionError
from .._core.files import read_if_exists, write_atomically
from .._core.names import nearest
from .._core.secrets import REDACTED, find_secrets, looks_secret, mask, redact_url, register, url_passwords
from .._http.session import Session
from .._model.fields import EXTRA, objects, prune
from .tenant import TENANT_SPEC, connect, tenant_of

Spec = Mapping[str, Mapping[str, Any]]


class _Module(AnsibleModule):  # type: ignore[misc]  # ansible-core has no types
    """An AnsibleModule that also masks secrets in syslog, under unknown keys, and in any encoding."""

    params: dict[str, Any]

    def __init__(self, *, unmasked: Collection[str] = (), hidden_options: Collection[str] = (), open_specs: Spec | None = None, **arguments: Any) -> None:
        #: keys of the result that hold only names, paths and checksums. Masking could spoil a name that contains a short secret.
        self.unmasked = unmasked
        #: options that are never shown
        self.hidden_options = hidden_options
        #: the specs of options whose content the argument spec does not define
        self.open_specs = open_specs or {}
        super().__init__(**arguments)

    def _load_params(self) -> None:
        super()._load_params()
        self.params = {name: value if name.startswith("_ansible_") else prune(value) for name, value in self.params.items() if value is not None}
        #: the options as the task sets them, before aliases, fallbacks and defaults: a copy, because ansible-core edits nested options
        self.task_options = {name: prune(value) for name, value in self.params.items() if not name.startswith("_ansible_")}
        self.secrets: set[str] = set()
        self.add_secrets(find_secrets(self.task_options))
        self.add_secrets(url_passwords(_url_option(self.task_options)))

    def add_secrets(self, secrets: Iterable[str]) -> None:
        """Mask these values from now on in results, messages and logs."""
        known = set(secrets)
        self.secrets.update(known)
        if not self.unmasked:
            register(self, known)

    def _log_invocation(self) -> None:
        # ansible-core would log the values, and does not recognize nested secrets that hold quotes, backslashes or line breaks
        self.log(f"Invoked with the options {', '.join(sorted(self.task_options))}")

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        unknown = list(find_unknown_options(self.task_options, self.argument_spec))
        if unknown:
            msg = " ".join([msg, *suggestions(unknown)])
            kwargs.setdefault("option", unknown[0].path)
        super().fail_json(**self._masked_result({"msg": msg, **kwargs}))

    def exit_json(self, **kwargs: Any) -> None:
        super().exit_json(**self._masked_result(kwargs))

    def _masked_result(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the masked result with the masked options of the task. ansible-core itself masks a secret only in its original form."""
        shown_options = {name: value for name, value in self.task_options.items() if name not in self.hidden_options}
        given = mask(_redact_unknown(shown_options, {**self.argument_spec, **self.open_specs}))
        if _url_option(self.task_options):
            given["url"] = redact_url(_url_option(self.task_options))
        whole = {**result, "invocation": {"module_args": given}}
        displayed: dict[str, Any] = _mask_texts(whole, frozenset(self.secrets))
        return {**displayed, **{name: result[name] for name in self.unmasked if name in result}}


class Task:
    """The task, as the code of a module sees it."""

    def __init__(self, module: _Module) -> None:
        self._module = module
        self._session: Session | None = None
        self._read_only: bool = module.check_mode
        #: the options, without nulls at every depth
        self.params: dict[str, Any] = prune(module.params)
        self.check_mode: bool = module.check_mode
        self.diff: bool = bool(module._diff)

    @property
    def session(self) -> Session:
        """The only session of this process. It is created on first use."""
        if self._session is None:
            given = [name for name, value in self._module.task_options.items() if value != ""]
            self._session = connect(self.params, task_options=given, read_only=self._read_only, warn=self.warn, secrets=self._module.secrets)
        return self._session

    def forbid_writes(self) -> None:
        """Block all writes from now on, also outside of check mode, because the task only plans."""
        self._read_only = True

    def mask(self, value: Any) -> Any:
        """Return a copy of the value with the known secrets masked."""
        return mask(value, frozenset(self._module.secrets))  # a copy, because another thread may add a secret meanwhile

    def warn(self, text: str) -> None:
        self._module.warn(self.mask(text))

    def register_secrets(self, *values: str) -> None:
        """Mask these values in results, messages and logs."""
        self._module.add_secrets(values)

    def check_writable(self, path: str, option: str = "dest") -> None:
        """Raise OptionError if the file cannot be written. Call this before the request whose result it will hold.

        In check mode the directory may be missing, because an earlier task may be meant to create it.
        """
        folder = os.path.dirname(os.path.abspath(path))
        to_come = self.check_mode and not os.path.lexists(folder)
        if os.path.isdir(path) or not (to_come or (os.path.isdir(folder) and os.access(folder, os.W_OK))):
            raise OptionError(f"{option} {path} cannot be written.", option=option, hint=f"Make sure that {folder} exists and is writable.")

    def write_file(self, path: str, text: str, *, mode: str = "0600", attributes: Mapping[str, Any] | None = None) -> bool:
        """Write the text atomically and return whether the file or its attributes changed. In check mode, only compare.

        Only the owner can read the file unless the task sets another mode. attributes: file attributes that override those of the task.
        """
        content = text.encode("utf-8")
        self.check_writable(path)
        changed = read_if_exists(path) != content
        if changed and not self.check_mode:
            write_atomically(path, content)
        if os.path.exists(path):
            wanted = {**self._module.params, "mode": self._module.params.get("mode") or mode, **(attributes or {})}
            changed = bool(self._module.set_fs_attributes_if_different(self._module.load_file_common_arguments(wanted, path=path), changed))
        return changed


def run(
    work: Callable[[Task], dict[str, Any]],
    *,
    argument_spec: Spec,
    tenant: bool = True,
    unmasked: Collection[str] = (),
    hidden_options: Collection[str] = (),
    open_specs: Spec | None = None,
    **module_arguments: Any,
) -> None:
    """Create the module, call C(work), and exit with its result or fail with the ImmutaError that it raises.

    work: takes the task and returns the result. tenant: whether the module talks to Immuta, so that it has the common options and
    its result names the tenant. unmasked: keys of the result that hold no secrets and must not be masked; such a module names the
    tenant itself. hidden_options: options that are never shown. open_specs: the specs of options whose content C(argument_spec) does
    not define; unknown keys in them are not shown, because they may be misspelled names of secrets.
    """
    spec = {**(TENANT_SPEC if tenant else {}), **argument_spec}
    module = _Module(argument_spec=spec, supports_check_mode=True, unmasked=unmasked, hidden_options=hidden_options, open_specs=open_specs, **module_arguments)
    # again, because ansible-core has now converted dicts that the task sets as text
    module.add_secrets(find_secrets(module.params))
    module.add_secrets(url_passwords(_url_option(module.params)))  # includes the environment
    task = Task(module)
    facts: dict[str, Any] = {}
    try:
        refuse_conflicting_aliases(module.task_options, module.argument_spec)
        if tenant and not unmasked:
            facts = {"tenant": tenant_of(task.params)}
        result = work(task)
    except ImmutaError as error:
        module.fail_json(**{**facts, **error.as_fail_json()})
    except Exception as error:
        # a bug or a broken machine; ansible-core would print the error with secrets
        module.fail_json(msg=f"Unexpected {type(error).__name__}: {error}", exception=traceback.format_exc(), **facts)
    module.exit_json(**facts, **result)


# --- the options of the task and the argument spec -----------------------------------------------------------------


def _by_spelling(spec: Spec) -> dict[str, Mapping[str, Any]]:
    """Return the spec of each option by each accepted spelling."""
    return {name: option for key, option in spec.items() for name in (key, *option.get("aliases", ()))}


@dataclass(frozen=True)
class UnknownOption:
    """A key that the spec does not have. suggestion: the most similar option. extra_path: the option for raw API keys. Each may be empty."""

    path: str
    suggestion: str
    extra_path: str


def find_unknown_options(given: Mapping[str, Any], spec: Spec, path: str = "", extra_path: str = "") -> Iterator[UnknownOption]:
    """Return the keys that the spec does not have, at every depth, without their values."""
    names = _by_spelling(spec)
    extra_path = f"{path}{EXTRA}" if EXTRA in spec else extra_path
    for name, value in given.items():
        if name not in names:
            similar = nearest(name, names)
            yield UnknownOption(f"{path}{name}", f"{path}{similar}" if similar else "", extra_path)
        elif names[name].get("options"):
            for item in objects(value):
                yield from find_unknown_options(item, names[name]["options"], f"{path}{name}.", extra_path)


def suggestions(unknown: Collection[UnknownOption]) -> Iterator[str]:
    """Return sentences with the suggestions for unknown keys, and the option for raw API keys."""
    suggestion, extras = [each.suggestion for each in unknown if each.suggestion], [each.extra_path for each in unknown if each.extra_path]
    if suggestion:
        yield f"Did you mean {', '.join(suggestion)}?"
    if extras:
        yield f"A key of the API for which there is no option goes under {extras[0]}."


def _redact_unknown(given: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    """Return the options, with REDACTED for values that may hold unknown secrets: those of unknown keys, and dicts given as text."""
    names = _by_spelling(spec)
    displayed: dict[str, Any] = {}
    for name, value in given.items():
        known = names.get(name, {})
        options = known.get("options")
        if not known or known.get("no_log") or (known.get("type") == "dict" and isinstance(value, str)):
            displayed[name] = REDACTED
        elif options and isinstance(value, (Mapping, list)):
            items = [_redact_unknown(item, options) for item in objects(value)]
            displayed[name] = items if isinstance(value, list) else items[0]
        else:
            displayed[name] = value
    return displayed


def refuse_conflicting_aliases(given: Mapping[str, Any], spec: Spec, path: str = "") -> None:
    """Raise OptionError if an option is set in two spellings with different values, of which ansible-core would take the last."""
    for option, details in spec.items():
        spellings = [name for name in (option, *details.get("aliases", ())) if name in given]
        if len(spellings) > 1 and any(given[name] != given[spellings[0]] for name in spellings):
            raise OptionError(
                f"{path}{' and '.join(spellings)} are two spellings of one option, with different values.",
                option=f"{path}{option}",
                hint="Keep one of them.",
            )
        if details.get("options"):
            for name in spellings:
                for item in objects(given[name]):
                    refuse_conflicting_aliases(item, details["options"], f"{path}{option}.")


def _url_option(params: Mapping[str, Any]) -> str:
    """Return the url option, even a malformed one; empty if it is not set."""
    url = params.get("url")
    return url if isinstance(url, str) else ""


def _mask_texts(value: Any, secrets: frozenset[str]) -> Any:
    """Return the value with the secrets in its texts masked. Names of keys remain, because a secret may equal one by chance."""
    if isinstance(value, Mapping):
        return {name: _masked_value(name, item, secrets) if looks_secret(name) else _mask_texts(item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mask_texts(item, secrets) for item in value]
    return mask(value, secrets) if isinstance(value, str) else value


def _masked_value(name: str, value: Any, secrets: frozenset[str]) -> Any:
    """Return the masked value of a key whose name looks secret. The name itself may contain a secret by chance."""
    (displayed,) = mask({name: value}, secrets).values()
    return displayed
