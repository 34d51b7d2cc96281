"""The AWS services of moto on loopback, for the tests: `python moto-server.py`.

When it is ready it prints one line, {"endpoint": "http://127.0.0.1:PORT"}. It ends when its standard input, if that is
a pipe, is closed, so that it never outlives the test that started it.

The same by hand: `moto_server -H 127.0.0.1 -p PORT`.

What its STS answers: any token of at least 4 characters is taken for any role, and any role can be assumed from any other; the account is that
of the role. GetCallerIdentity answers with arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION-NAME for keys that it gave out, and
with arn:aws:sts::123456789012:user/moto for others. A request that is not signed is taken for one to S3, except for
those that need no signature (AssumeRoleWithWebIdentity, AssumeRoleWithSAML). Its IAM holds no managed policies of AWS's own. One operation
that it lacks, AddClientIDToOpenIDConnectProvider, is added below; its CloudFormation makes no AWS::IAM::OIDCProvider.
"""

import json
import os
import stat
import sys
import threading

from moto.core.responses import EmptyResult
from moto.iam.responses import IamResponse
from moto.server import ThreadedMotoServer


def add_client_id(self):
    """IAM API reference, AddClientIDToOpenIDConnectProvider: an id that is there already is no failure."""
    provider = self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
    client = self._get_param("ClientID")
    if client not in provider.client_id_list:
        provider.client_id_list.append(client)
    return EmptyResult()


IamResponse.add_client_id_to_open_id_connect_provider = add_client_id

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(json.dumps({"endpoint": f"http://{host}:{port}"}), flush=True)

if stat.S_ISFIFO(os.fstat(0).st_mode):
    sys.stdin.read()
else:
    threading.Event().wait()
os._exit(0)
