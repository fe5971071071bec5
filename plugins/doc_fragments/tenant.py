# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The common options: how a module reaches its tenant. Whoever has them belongs to the action group.

What is no module, such as an inventory plugin, has the options alone: C(community.immuta.tenant.options).
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - Python 3.9 or later
  - requests
notes:
  - An environment variable that is set but empty counts as not set.
  - Credentials that the task gives go before those of the environment. Of one source a bearer token goes before an API key.
  - The user behind the key needs the permission C(APPLICATION_ADMIN).
  - When the tenant refuses a request, the failed result has C(status), C(method), C(path) and C(api_error), the body of the answer without secrets.
    When no answer comes, it has C(method) and C(path). When an option is wrong, it has C(option).
attributes:
  action_group:
    description: Use C(group/community.immuta.all) in C(module_defaults) to set the common options once.
    support: full
    membership:
      - community.immuta.all
"""
    OPTIONS = r"""
options:
  url:
    description:
      - The address of the tenant, for example V(https://example.hosted.immutacloud.com).
      - If not given, the environment variable E(IMMUTA_URL) is used.
      - Anything but V(https://) gives a warning, unless it is this machine.
    type: str
  api_key:
    description:
      - An API key of a user of the tenant.
      - If not given, the environment variable E(IMMUTA_API_KEY) is used.
    type: str
  bearer_token:
    description:
      - A bearer token, instead of O(api_key).
      - If not given, the environment variable E(IMMUTA_BEARER_TOKEN) is used.
    type: str
  auth_method:
    description:
      - How O(api_key) is used.
      - V(api_key) sends it with every request.
      - V(bearer) exchanges it for a token first, and once more when the token has expired.
      - If not given, the environment variable E(IMMUTA_AUTH_METHOD) is used.
    type: str
    choices: [api_key, bearer]
    default: api_key
  validate_certs:
    description:
      - Whether the TLS certificate of the tenant is checked.
      - If not given, the environment variable E(IMMUTA_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - A file or directory of certificate authorities to trust, instead of those that requests brings along.
      - If not given, the environment variable E(IMMUTA_CA_PATH) is used, and after it E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE).
    type: path
  client_cert:
    description:
      - A file with a client certificate in PEM form. It may also hold the key.
      - If not given, the environment variable E(IMMUTA_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - A file with the key of O(client_cert), without a passphrase.
      - If not given, the environment variable E(IMMUTA_CLIENT_KEY) is used.
    type: path
  use_proxy:
    description:
      - Whether the proxies of E(HTTPS_PROXY), E(HTTP_PROXY) and E(NO_PROXY) are used.
      - If not given, the environment variable E(IMMUTA_USE_PROXY) is used.
    type: bool
    default: true
  timeout:
    description:
      - How many seconds one attempt of a request may take as a whole, from the lookup of the host's name to the last byte of the answer.
      - Each repeat has as many seconds again, after a pause. See O(retries) and O(retry_max_delay).
      - If not given, the environment variable E(IMMUTA_TIMEOUT) is used.
    type: int
    default: 60
  retries:
    description:
      - How often a request is repeated when the server is busy or the connection fails.
      - A request that may have had its effect already and must not have it twice is never repeated.
      - If not given, the environment variable E(IMMUTA_RETRIES) is used.
    type: int
    default: 5
  retry_max_delay:
    description:
      - The longest pause before a repeat, in seconds, also when the server asks for a longer one.
      - If not given, the environment variable E(IMMUTA_RETRY_MAX_DELAY) is used.
    type: int
    default: 30
  change_reference:
    description:
      - The reference of the change that the task belongs to, such as V(CHG0012345), at most 200 printable characters on one line. Every request
        names it in its C(User-Agent), in which blanks and what HTTP does not allow there become hyphens.
      - If not given, the environment variable E(IMMUTA_CHANGE_REFERENCE) is used. An empty one is not given.
    type: str
"""
    DOCUMENTATION += OPTIONS
