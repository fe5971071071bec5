# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door between Ansible and the collection: a task comes in, one result or one failure goes out.

No other file imports AnsibleModule, and no other calls exit_json or fail_json.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import ImmutaError, OptionError
from .._core.files import read_if_exists, write_atomically
from .._core.names import nearest
from .._core.secrets import REDACTED, find_secrets, looks_secret, mask, redact_url, register, secrets_in, url_passwords
from .._http.session import Session
from .._model.fields import EXTRA, objects, prune
from .tenant import TENANT_SPEC, connect, tenant_of

Spec = Mapping[str, Mapping[str, Any]]


class _Module(AnsibleModule):  # type: ignore[misc]  # ansible-core has no types
    """AnsibleModule that leaks nothing: not to syslog, not through unknown keys, not by writing a secret in another way than it was given."""

    params: dict[str, Any]

    def __init__(self, *, plain: Collection[str] = (), unshown: Collection[str] = (), shapes: Spec | None = None, **arguments: Any) -> None:
        #: keys of the result that are made of names, places and checksums alone: hiding a short secret in them would only spoil a name
        self.plain = plain
        #: options that are not shown at all
        self.unshown = unshown
        #: what stands in options that the argument spec leaves open
        self.shapes = shapes or {}
        super().__init__(**arguments)

    def _load_params(self) -> None:
        super()._load_params()
        self.params = {name: value if name.startswith("_ansible_") else prune(value) for name, value in self.params.items() if value is not None}
        #: what the task itself gave, before aliases, fallbacks and defaults
        self.given = {name: deepcopy(value) for name, value in self.params.items() if not name.startswith("_ansible_")}
        self.secrets: set[str] = set()
        self.learn(find_secrets(self.given))
        self.learn(url_passwords(_address(self.given)))

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these, from now on, wherever they would show up."""
        known = set(secrets)
        self.secrets.update(known)
        if not self.plain:
            register(self, known)

    def _log_invocation(self) -> None:
        # core would log values, and does not recognise nested secrets with quotes, backslashes or line breaks in them
        self.log(f"Invoked with the options {', '.join(sorted(self.given))}")

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        unknown = list(unknown_options(self.given, self.argument_spec))
        if unknown:
            msg = " ".join([msg, *guesses(unknown)])
            kwargs.setdefault("option", unknown[0].path)
        super().fail_json(**self._presentable({"msg": msg, **kwargs}))

    def exit_json(self, **kwargs: Any) -> None:
        super().exit_json(**self._presentable(kwargs))

    def _presentable(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """The result, in which core looks for a secret only as it was given, and the options that led to it."""
        shown_options = {name: value for name, value in self.given.items() if name not in self.unshown}
        given = mask(_without_unknown(shown_options, {**self.argument_spec, **self.shapes}))
        if _address(self.given):
            given["url"] = redact_url(_address(self.given))
        whole = {**result, "invocation": {"module_args": given}}
        shown: dict[str, Any] = _hide(whole, secrets_in(whole, self.secrets))
        return {**shown, **{name: result[name] for name in self.plain if name in result}}


class Task:
    """What a module sees of the task that called it."""

    def __init__(self, module: _Module) -> None:
        self._module = module
        self._session: Session | None = None
        self._read_only: bool = module.check_mode
        #: the options; null means not given, at every depth
        self.params: dict[str, Any] = prune(module.params)
        self.check_mode: bool = module.check_mode
        self.diff: bool = bool(module._diff)

    @property
    def session(self) -> Session:
        """The one session of this process, connected when it is first needed."""
        if self._session is None:
            given = [name for name, value in self._module.given.items() if value != ""]
            self._session = connect(self.params, given=given, read_only=self._read_only, warn=self.warn, secrets=self._module.secrets)
        return self._session

    def look_only(self) -> None:
        """Have every write refused from now on, also outside of check mode: the task plans."""
        self._read_only = True

    def mask(self, value: Any) -> Any:
        """The value without the secrets that are known."""
        return mask(value, frozenset(self._module.secrets))  # a copy: another thread may learn of a secret meanwhile

    def warn(self, text: str) -> None:
        self._module.warn(self.mask(text))

    def register_secrets(self, *values: str) -> None:
        """Have Ansible hide these values wherever they would show up."""
        self._module.learn(values)

    def check_writable(self, path: str, option: str = "dest") -> None:
        """Raise OptionError when a file could not be written there: better before a request than after it.

        In check mode the folder need not be there yet: an earlier task may have been about to make it.
        """
        folder = os.path.dirname(os.path.abspath(path))
        to_come = self.check_mode and not os.path.lexists(folder)
        if os.path.isdir(path) or not (to_come or (os.path.isdir(folder) and os.access(folder, os.W_OK))):
            raise OptionError(f"{option} {path} cannot be written.", option=option, hint=f"Make sure that {folder} exists and that you may write there.")

    def write_file(self, path: str, text: str, *, mode: str = "0600", attributes: Mapping[str, Any] | None = None) -> bool:
        """Write the text atomically, readable to its owner only unless the task says otherwise.

        Returns whether anything changed. In check mode it only compares. attributes: file attributes that go before the task's own.
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
    plain: Collection[str] = (),
    unshown: Collection[str] = (),
    shapes: Spec | None = None,
    **module_arguments: Any,
) -> None:
    """Build the module, do the work, report once.

    C(work) takes the task and returns the result. An ImmutaError that it raises is the failure. C(tenant): the module talks to
    Immuta, so it has the common options, and its result and its failures name the tenant. C(plain): keys of the result that hold
    no secret and must not be masked; such a module names the tenant itself. C(unshown): options that are not shown at all.
    C(shapes): the specs of options that C(argument_spec) leaves open; a key that they do not have may be a secret's, mistyped, and is not shown.
    """
    spec = {**(TENANT_SPEC if tenant else {}), **argument_spec}
    module = _Module(argument_spec=spec, supports_check_mode=True, plain=plain, unshown=unshown, shapes=shapes, **module_arguments)
    # once more: by now a dict that was given as text is one
    module.learn(find_secrets(module.params))
    module.learn(url_passwords(_address(module.params)))  # of the environment, too
    task = Task(module)
    facts: dict[str, Any] = {}
    try:
        refuse_two_spellings(module.given, module.argument_spec)
        if tenant and not plain:
            facts = {"tenant": tenant_of(task.params)}
        result = work(task)
    except ImmutaError as error:
        module.fail_json(**{**facts, **error.as_fail_json()})
    except Exception as error:
        # a bug or a broken machine: core would print it as it is, secrets included
        module.fail_json(msg=f"Unexpected {type(error).__name__}: {error}", exception=traceback.format_exc(), **facts)
    module.exit_json(**facts, **result)


# --- what a task gave, against the argument spec -----------------------------------------------------------------


def _names(spec: Spec) -> dict[str, Mapping[str, Any]]:
    """Every accepted spelling -> its option's spec."""
    return {name: option for key, option in spec.items() for name in (key, *option.get("aliases", ()))}


@dataclass(frozen=True)
class Unknown:
    """A given key that the spec does not have. meant: the option it is most like; extra: where raw keys of the API go. Each can be empty."""

    path: str
    meant: str
    extra: str


def unknown_options(given: Mapping[str, Any], spec: Spec, path: str = "", extra: str = "") -> Iterator[Unknown]:
    """The given keys that the spec does not have, at every depth. Never their values."""
    names = _names(spec)
    extra = f"{path}{EXTRA}" if EXTRA in spec else extra
    for name, value in given.items():
        if name not in names:
            near = nearest(name, names)
            yield Unknown(f"{path}{name}", f"{path}{near}" if near else "", extra)
        elif names[name].get("options"):
            for item in objects(value):
                yield from unknown_options(item, names[name]["options"], f"{path}{name}.", extra)


def guesses(unknown: Collection[Unknown]) -> Iterator[str]:
    """What may have been meant by unknown keys, and where keys go that only the API knows, in sentences."""
    meant, extras = [each.meant for each in unknown if each.meant], [each.extra for each in unknown if each.extra]
    if meant:
        yield f"Did you mean {', '.join(meant)}?"
    if extras:
        yield f"A key that the API takes and this collection does not know goes under {extras[0]}."


def _without_unknown(given: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    """What was given, without the values of which nobody knows what is in them: of keys that the spec does not have, of dicts as text."""
    names = _names(spec)
    shown: dict[str, Any] = {}
    for name, value in given.items():
        known = names.get(name, {})
        options = known.get("options")
        if not known or known.get("no_log") or (known.get("type") == "dict" and isinstance(value, str)):
            shown[name] = REDACTED
        elif options and isinstance(value, (Mapping, list)):
            items = [_without_unknown(item, options) for item in objects(value)]
            shown[name] = items if isinstance(value, list) else items[0]
        else:
            shown[name] = value
    return shown


def refuse_two_spellings(given: Mapping[str, Any], spec: Spec, path: str = "") -> None:
    """Raise OptionError when an option is given in two spellings with different values: core would take the last one."""
    for option, details in spec.items():
        spellings = [name for name in (option, *details.get("aliases", ())) if name in given]
        if len(spellings) > 1 and any(given[name] != given[spellings[0]] for name in spellings):
            raise OptionError(
                f"{path}{' and '.join(spellings)} are two spellings of one option, with different values.",
                option=f"{path}{option}",
                hint="Give one of them.",
            )
        if details.get("options"):
            for name in spellings:
                for item in objects(given[name]):
                    refuse_two_spellings(item, details["options"], f"{path}{option}.")


def _address(params: Mapping[str, Any]) -> str:
    """The address of the tenant among the options, however badly it is written; empty when there is none."""
    url = params.get("url")
    return url if isinstance(url, str) else ""


def _hide(value: Any, secrets: frozenset[str]) -> Any:
    """The value with the secrets taken out of its texts. Names stay: they are ours, and a secret may read like one."""
    if isinstance(value, Mapping):
        return {name: _below(name, item, secrets) if looks_secret(name) else _hide(item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hide(item, secrets) for item in value]
    return mask(value, secrets) if isinstance(value, str) else value


def _below(name: str, value: Any, secrets: frozenset[str]) -> Any:
    """What is shown of the value under a secret name, in which a secret may stand by chance."""
    (shown,) = mask({name: value}, secrets).values()
    return shown
