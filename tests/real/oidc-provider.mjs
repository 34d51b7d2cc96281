// An OpenID-certified identity provider on loopback, for the tests: `node oidc-provider.mjs`.
//
// When it is ready it prints one line, {"issuer": "http://127.0.0.1:PORT", "secrets": {CLIENT: SECRET, …}}. It ends when its
// standard input, if that is a pipe, is closed, so that it never outlives the test that started it.
//
// Clients. Each is native (RFC 8252: any loopback port), may ask for a code (PKCE is demanded), for a device code and to be sent on after
// a logout to `/signed-out`, and is public where nothing else is said:
//   keyless             ID tokens signed with RS256
//   keyless-es256       ID tokens signed with ES256
//   keyless-implicit    asks for an ID token alone: response_type=id_token, a nonce, no code and no device code
//   keyless-par         must push its authorization requests (RFC 9126); the others may
//   keyless-dpop        each of its tokens is bound to a DPoP key (RFC 9449); those of the others are, if they send a proof
//   keyless-dpop-nonce  as keyless-dpop; a proof without the server's nonce gets 400 use_dpop_nonce, with DPoP-Nonce. So does a push
//   keyless-basic       client_secret_basic; the secret has characters that OAuth wants encoded (RFC 6749 2.3.1)
//   keyless-post        client_secret_post
//   keyless-jwt         private_key_jwt with ES256; its "secret" in the ready line is the private key, a PKCS#8 PEM
//
// What it wants of whom: a web client with the implicit flow must have an https redirect address that is not localhost (OpenID
// Registration 2), a native one may have http on loopback. A request for an ID token that is for the query gets
// invalid_request: it may be for the fragment (the default) or for form_post. A code may be for form_post as well. Beside an ID token there is
// no `iss`, although the metadata promise one for every response (RFC 9207): the token has its own.
//
// Accounts: any name may sign in; NAME becomes the subject, NAME@example.com the verified email address. The account
// "mallory" has an email address that nobody verified.
//
// How a person signs in, as plain HTTP. Follow no redirect by yourself; keep every cookie by its name (`Set-Cookie` of each
// answer, dropped when its value is empty) and send all of them each time. The answers to 1 and 4 point to a path, the others to a URL.
//   1. GET  the authorize URL                                      303 to /interaction/UID
//   2. GET  /interaction/UID                                       200, a form: prompt=login, login, password
//   3. POST /interaction/UID    prompt=login&login=alice&password=x   303 to {issuer}/auth/UID
//   4. GET  /auth/UID                                              303 to /interaction/UID2
//   5. GET  /interaction/UID2                                      200, a form: prompt=consent
//   6. POST /interaction/UID2   prompt=consent                     303 to {issuer}/auth/UID2
//   7. GET  /auth/UID2                                             303 to the redirect URI with code, state and iss
// The bodies are application/x-www-form-urlencoded; the form's address stands in its `action`. Steps 2 and 5 may be left out.
// A second sign-in with the same cookies goes from 1 to 5: a native client has consent asked for each time.
// To refuse: GET /interaction/UID/abort in place of 3 or 6, then on as in 4 or 7: the redirect URI gets error=access_denied.
// With form_post, 7 is a page (200) whose form posts itself to the redirect URI, by a script: its hidden fields are the parameters.
//
// With a device code (RFC 8628) the way goes over /device, and it ends on a page that says "Sign-in Success":
//   1. GET  verification_uri_complete                              200, a form that posts itself: xsrf, user_code
//   2. POST /device             both                               200, a form: xsrf, user_code, confirm=yes; the page shows the code
//   3. POST /device             these three                        303 to /interaction/UID; then as 2 to 6 above, with /device/UID
//   To refuse: abort=yes with the three at 3 (400, and the device gets access_denied), or /interaction/UID/abort.
// At verification_uri there is a form with xsrf and a field for the user code, in place of 1. The answer to the device names no interval (so it is
// 5 seconds), and polling faster is answered like any other: authorization_pending.
//
// With the scope offline_access and prompt=consent (OpenID Connect Core 11: without it the scope is ignored; a device needs no prompt) the answer
// holds a refresh token. It changes with each use, except where it is bound to a DPoP key or the client is not public: then not before
// 70 % of its life. One that is used twice ends all that came of that sign-in.
//
// Logout: GET /session/end?id_token_hint=…&post_logout_redirect_uri=…&state=… shows a page (200) that asks; POST /session/end/confirm
// with its xsrf and logout=yes: 303 to the address, with state. Refresh tokens end with it, except those with offline_access. Who has no session
// there gets a form that posts itself.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The packages rest beside the build, not beside this file.
const require = createRequire(join(process.env.KEYLESS_REAL ?? '.', 'node', 'package.json'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

// A key is written out as it is made: with `export` of a key that was made before, Node 20 waits for itself, once in fifty starts.
const jwk = { format: 'jwk' };
const key = (type, alg, options) => ({
  ...generateKeyPairSync(type, { ...options, publicKeyEncoding: jwk, privateKeyEncoding: jwk }).privateKey,
  use: 'sig',
  alg,
  kid: alg.toLowerCase(),
});

const onLoopback = (path) => ['127.0.0.1', '[::1]'].map((host) => `http://${host}${path}`);

const client = (client_id, more) => ({
  client_id,
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  redirect_uris: onLoopback('/callback'),
  post_logout_redirect_uris: onLoopback('/signed-out'),
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  response_types: ['code'],
  ...more,
});

const secrets = {
  'keyless-basic': `${randomBytes(16).toString('hex')}:+%/ &=`,
  'keyless-post': randomBytes(16).toString('hex'),
};
const withSecret = (client_id, token_endpoint_auth_method) =>
  client(client_id, { token_endpoint_auth_method, client_secret: secrets[client_id] });

const jwtKey = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: jwk,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
secrets['keyless-jwt'] = jwtKey.privateKey;

const configuration = {
  clients: [
    client('keyless'),
    client('keyless-es256', { id_token_signed_response_alg: 'ES256' }),
    client('keyless-implicit', { grant_types: ['implicit'], response_types: ['id_token'] }),
    client('keyless-par', { require_pushed_authorization_requests: true }),
    client('keyless-dpop', { dpop_bound_access_tokens: true }),
    client('keyless-dpop-nonce', { dpop_bound_access_tokens: true }),
    withSecret('keyless-basic', 'client_secret_basic'),
    withSecret('keyless-post', 'client_secret_post'),
    client('keyless-jwt', {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [jwtKey.publicKey] },
    }),
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // The certified default keeps email out of an ID token that comes with an access token (OpenID Connect Core 5.4); what
  // people sign in with puts it there.
  conformIdTokenClaims: false,
  cookies: { keys: [randomBytes(16).toString('hex')] },
  features: {
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    dPoP: {
      enabled: true,
      nonceSecret: randomBytes(32),
      requireNonce: (ctx) => ctx.oidc.client?.clientId === 'keyless-dpop-nonce',
    },
    pushedAuthorizationRequests: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: id[0].toUpperCase() + id.slice(1),
      email: `${id}@example.com`,
      email_verified: id !== 'mallory',
    }),
  }),
  jwks: { keys: [key('rsa', 'RS256', { modulusLength: 2048 }), key('ec', 'ES256', { namedCurve: 'P-256' })] },
  pkce: { required: () => true },
};

// The port is bound first, since the issuer is its address.
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  console.log(JSON.stringify({ issuer, secrets }));
});

if (fstatSync(0).isFIFO()) {
  process.stdin.on('end', () => process.exit()).resume();
}
