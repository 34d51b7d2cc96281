"""Every item of a keyring, for the tests: `python keyring-items.py`, with DBUS_SESSION_BUS_ADDRESS.

Prints one line of JSON, [{"label": …, "attributes": {…}, "secret": Base64}, …]. A keyring that is locked fails it.
"""

import base64
import json

import secretstorage

connection = secretstorage.dbus_init()
items = [item for keyring in secretstorage.get_all_collections(connection) for item in keyring.get_all_items()]
print(
    json.dumps(
        [
            {
                "label": item.get_label(),
                "attributes": item.get_attributes(),
                "secret": base64.b64encode(item.get_secret()).decode(),
            }
            for item in items
        ]
    )
)
