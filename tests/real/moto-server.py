"""The AWS services of moto on loopback, for the tests: `python moto-server.py`.

When it is ready it prints one line, {"endpoint": "http://127.0.0.1:PORT"}. It ends when its standard input, if that is
a pipe, is closed, so that it never outlives the test that started it.

The same by hand: `moto_server -H 127.0.0.1 -p PORT`.

What its STS answers: any token of at least 4 characters is taken for any role, and any role can be assumed from any other; the account is that
of the role. GetCallerIdentity answers with arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION-NAME for keys that it gave out, and
with arn:aws:sts::123456789012:user/moto for others. A request that is not signed is taken for one to S3, except for
those that need no signature (AssumeRoleWithWebIdentity, AssumeRoleWithSAML). Its IAM holds no managed policies of AWS's own. One operation
that it lacks, AddClientIDToOpenIDConnectProvider, is added below; its CloudFormation makes no AWS::IAM::OIDCProvider.

AssumeRoleWithSAML takes any Response that is Base64 of UTF-8, with an assertion in it that has attributes and is not encrypted. It reads RoleSessionName
(without it: 500) and SessionDuration (else an hour), and nothing else: no signature, condition, recipient, principal or role. What it answers as
Subject, Issuer and Audience is made up. By itself, moto 5.2 answers 500 where the attribute Role has two values, and GetCallerIdentity then
knows the keys only of roles in 123456789012; both are mended below.
"""

import json
import os
import stat
import sys
import threading
from base64 import b64decode
from xml.etree import ElementTree

from moto.core.responses import EmptyResult
from moto.iam.responses import IamResponse
from moto.server import ThreadedMotoServer
from moto.sts.models import STSBackend


def add_client_id(self):
    """IAM API reference, AddClientIDToOpenIDConnectProvider: an id that is there already is no failure."""
    provider = self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
    client = self._get_param("ClientID")
    if client not in provider.client_id_list:
        provider.client_id_list.append(client)
    return EmptyResult()


def assume_role_with_saml(self, role_arn, principal_arn, saml_assertion):
    """STS API reference, AssumeRoleWithSAML: as with a web identity, with a name and a duration from the assertion."""
    attributes = ElementTree.fromstring(b64decode(saml_assertion)).iterfind(".//{*}Assertion//{*}Attribute")
    said = {each.get("Name").rpartition("/")[2]: each.findtext("{*}AttributeValue") for each in attributes}
    return self.assume_role(
        region_name=self.region_name,
        role_session_name=said["RoleSessionName"],
        role_arn=role_arn,
        policy=None,
        duration=int(said.get("SessionDuration", 3600)),
        external_id=None,
    )


IamResponse.add_client_id_to_open_id_connect_provider = add_client_id
STSBackend.assume_role_with_saml = assume_role_with_saml

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(json.dumps({"endpoint": f"http://{host}:{port}"}), flush=True)

if stat.S_ISFIFO(os.fstat(0).st_mode):
    sys.stdin.read()
else:
    threading.Event().wait()
os._exit(0)
