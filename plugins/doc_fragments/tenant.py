# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The common options, which say how to reach the tenant. A module that uses them belongs to the action group.

A plugin that is not a module, such as an inventory plugin, extends C(community.immuta.tenant.options), which has only the options.
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - Python 3.9 or later
  - requests
notes:
  - An environment variable that is set but empty counts as not set.
  - Credentials of the task take precedence over those of the environment. Within one source, a bearer token takes precedence over an API key.
  - The user that the credentials belong to needs the permission C(APPLICATION_ADMIN).
  - If the tenant refuses a request, the failed result contains C(status), C(method), C(path) and C(api_error), which is the body of the answer
    without secrets. If no answer arrives, it contains C(method) and C(path). If an option is wrong, it contains C(option).
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
      - The module issues a warning if the address does not begin with V(https://), unless it is the local machine.
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
      - V(bearer) exchanges it for a token first, and again when the token has expired.
      - If not given, the environment variable E(IMMUTA_AUTH_METHOD) is used.
    type: str
    choices: [api_key, bearer]
    default: api_key
  validate_certs:
    description:
      - Whether to verify the TLS certificate of the tenant.
      - If not given, the environment variable E(IMMUTA_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - A file or directory with the certificate authorities to trust, instead of those that requests includes.
      - If not given, the module uses the first of the environment variables E(IMMUTA_CA_PATH), E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE) that is
        set.
    type: path
  client_cert:
    description:
      - A file with a client certificate in PEM format. It may also contain the key.
      - If not given, the environment variable E(IMMUTA_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - A file with the key of O(client_cert), without a passphrase.
      - If not given, the environment variable E(IMMUTA_CLIENT_KEY) is used.
    type: path
  use_proxy:
    description:
      - Whether to use the proxies of E(HTTPS_PROXY), E(HTTP_PROXY) and E(NO_PROXY).
      - If not given, the environment variable E(IMMUTA_USE_PROXY) is used.
    type: bool
    default: true
  timeout:
    description:
      - How many seconds one attempt of a request may take in total, from resolving the host name to the last byte of the answer.
      - Each retry has the same number of seconds, after a pause. See O(retries) and O(retry_max_delay).
      - If not given, the environment variable E(IMMUTA_TIMEOUT) is used.
    type: int
    default: 60
  retries:
    description:
      - How often to retry a request if the server is busy or the connection fails.
      - The module never retries a request that may already have taken effect and must not take effect twice.
      - If not given, the environment variable E(IMMUTA_RETRIES) is used.
    type: int
    default: 5
  retry_max_delay:
    description:
      - The longest pause before a retry, in seconds, even if the server asks for a longer one.
      - If not given, the environment variable E(IMMUTA_RETRY_MAX_DELAY) is used.
    type: int
    default: 30
  change_reference:
    description:
      - The reference of the change that the task belongs to, such as V(CHG0012345). At most 200 printable characters on one line. Every request
        contains it in its C(User-Agent). Spaces and characters that HTTP does not allow there become hyphens.
      - If not given, the environment variable E(IMMUTA_CHANGE_REFERENCE) is used. An empty reference counts as not given.
    type: str
"""
    DOCUMENTATION += OPTIONS
