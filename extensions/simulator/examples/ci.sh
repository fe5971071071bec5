#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
export SNOWFLAKE_PASSWORD=of-the-test
tenant="$(python -m immuta_simulator start)"    # ends here if it does not start
eval "$tenant"                                  # sets IMMUTA_URL, IMMUTA_API_KEY and IMMUTA_SIMULATOR
trap 'python -m immuta_simulator stop' EXIT

ansible-playbook -i inventory.yml site.yml      # registers the platforms
python -m immuta_simulator writes               # what the playbook changed

python -m immuta_simulator clear_log
python -m immuta_simulator fault method=GET status=503 'headers={"Retry-After": "1"}'
ansible-playbook -i inventory.yml site.yml      # asks the busy tenant again, and changes nothing
test "$(python -m immuta_simulator writes)" = "[]"
