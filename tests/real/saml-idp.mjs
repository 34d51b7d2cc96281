// A SAML identity provider on loopback, for the tests: Auth0's `samlp`. `node saml-idp.mjs`.
//
// When it is ready it prints one line, {"sso": "http://127.0.0.1:PORT/samlp", "issuer": its entity ID, "metadata": the address of its metadata,
// "certificate": a PEM}. It ends when its standard input, if that is a pipe, is closed, so that it never outlives the test that started it.
//
// How a person signs in, as plain HTTP:
//   1. GET sso?SAMLRequest=…&RelayState=… (HTTP-Redirect), or POST both (HTTP-POST)   200, a form: SAMLRequest, RelayState, login
//   2. POST sso   all of the form, login=alice    200, a form that posts itself, by a script, to the consumer: SAMLResponse, RelayState
//      To refuse: cancel=yes with it. The response then has no assertion, and the status Responder with RequestDenied's text.
// With `login` in the address, 1 is 2. Without a SAMLRequest the sign-in is one that the identity provider began: no InResponseTo, and RelayState as given.
// Any name may sign in: NAME@example.com becomes the NameID (emailAddress) and the RoleSessionName.
//
// Where it posts to is the AssertionConsumerServiceURL of the request, which it takes from anybody (a real one has a list), else SAML_ACS. `samlp` lets a
// Recipient be another address than the one it posts to, which is what AWS needs: AWS demands its own in the Recipient, and the form goes to us.
//
// Settings, from the environment; the defaults are what AWS demands:
//   SAML_ACS         where to post to if the request does not say
//   SAML_AUDIENCE    urn:amazon:webservices. Empty: the issuer of the request, as samlp does by itself
//   SAML_DURATION    seconds, the attribute SessionDuration; without it, no attribute
//   SAML_LIFETIME    seconds until NotOnOrAfter: 300
//   SAML_RECIPIENT   https://signin.aws.amazon.com/saml. Empty: where it posts to, as the standard says (Web SSO profile 4.1.4.2)
//   SAML_ROLES       pairs ROLE-ARN,PROVIDER-ARN with spaces between them: arn:aws:iam::111122223333:role/Developer of …:saml-provider/corp
//   SAML_SIGN        what is signed: assertion, response, both, none. AWS wants either; `assertion`
//
// Of samlp 8.0: it marks every attribute value with a type (xsi:type="xs:string"); signs with RSA-SHA256, the signature after the Issuer, the certificate in
// it; leaves Destination to its caller (else it is the audience); writes InResponseTo into the response and the confirmation; sends RelayState back even if there was none (empty).

import { createRequire } from 'node:module';
import { fstatSync } from 'node:fs';
import { join } from 'node:path';

// The packages rest beside the build, not beside this file.
const require = createRequire(join(process.env.KEYLESS_REAL ?? '.', 'node', 'package.json'));
const [express, samlp, selfsigned] = ['express', 'samlp', 'selfsigned'].map((name) => require(name));

const AWS = 'https://aws.amazon.com/SAML/Attributes';
const setting = (name, otherwise) => process.env[`SAML_${name}`] ?? otherwise;
const corp = 'arn:aws:iam::111122223333:role/Developer,arn:aws:iam::111122223333:saml-provider/corp';
const roles = setting('ROLES', corp).split(' ').filter(Boolean);
const sign = setting('SIGN', 'assertion');

const { private: key, cert } = await selfsigned.generate([{ name: 'commonName', value: 'saml-idp' }], {
  algorithm: 'sha256',
  keySize: 2048,
});

/** What samlp asks of a profile: the attributes, and who it is. */
function profileMapper({ name }) {
  return {
    getClaims: () => ({
      [`${AWS}/Role`]: roles,
      [`${AWS}/RoleSessionName`]: `${name}@example.com`,
      [`${AWS}/SessionDuration`]: setting('DURATION'),
    }),
    getNameIdentifier: () => ({
      nameIdentifier: `${name}@example.com`,
      nameIdentifierFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
    }),
  };
}
profileMapper.prototype.metadata = [];

const escaped = (text) => text.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
const hidden = (name, value) =>
  value === undefined ? '' : `<input type="hidden" name="${name}" value="${escaped(value)}">`;
const page = ({ SAMLRequest, RelayState }) => `<!DOCTYPE html>
<title>Sign in</title>
<h1>Sign in</h1>
<form method="post" action="/samlp">
  ${hidden('SAMLRequest', SAMLRequest)}${hidden('RelayState', RelayState)}
  <input name="login" placeholder="any name">
  <button type="submit">Sign in</button>
  <button type="submit" name="cancel" value="yes">Cancel</button>
</form>
`;

const app = express();
app.use(express.urlencoded({ extended: false }));

app.all('/samlp', (request, response, next) => {
  const given = { ...request.query, ...request.body };
  if (!given.login && !given.cancel) {
    response.send(page(given));
    return;
  }
  samlp.parseRequest(request, (error, asked) => {
    const acs = asked?.assertionConsumerServiceURL ?? setting('ACS');
    if (error || !acs) {
      response.status(400).send(escaped(error?.message ?? 'nowhere to post to'));
      return;
    }
    const common = {
      issuer,
      cert,
      key,
      destination: acs,
      inResponseTo: asked?.id,
      signResponse: ['response', 'both'].includes(sign),
      signatureAlgorithm: 'rsa-sha256',
      digestAlgorithm: 'sha256',
      RelayState: given.RelayState ?? '',
    };
    const answer = given.cancel
      ? samlp.sendError({
          ...common,
          error: { description: 'urn:oasis:names:tc:SAML:2.0:status:RequestDenied' },
          getPostURL: (_, tell) => tell(null, acs),
        })
      : samlp.auth({
          ...common,
          audience: setting('AUDIENCE', 'urn:amazon:webservices'),
          authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
          getPostURL: (_audience, _dom, _request, tell) => tell(null, acs),
          getUserFromRequest: () => ({ name: given.login }),
          lifetimeInSeconds: Number(setting('LIFETIME', 300)),
          profileMapper,
          recipient: setting('RECIPIENT', 'https://signin.aws.amazon.com/saml') || acs,
          signAssertion: ['assertion', 'both'].includes(sign),
        });
    answer(request, response, next);
  });
});

let issuer;
const server = app.listen(0, '127.0.0.1', () => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  issuer = `${origin}/metadata`;
  const endpoints = { redirectEndpointPath: '/samlp', postEndpointPath: '/samlp', logoutEndpointPaths: {} };
  app.get('/metadata', samlp.metadata({ issuer, cert, profileMapper, ...endpoints }));
  console.log(JSON.stringify({ sso: `${origin}/samlp`, issuer, metadata: issuer, certificate: cert }));
});

if (fstatSync(0).isFIFO()) {
  process.stdin.on('end', () => process.exit()).resume();
}
