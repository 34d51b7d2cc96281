// An OpenID-certified identity provider on loopback, for the tests: `node oidc-provider.mjs`.
//
// When it is ready it prints one line, {"issuer": "http://127.0.0.1:PORT"}. It ends when its standard input, if that
// is a pipe, is closed, so that it never outlives the test that started it.
//
// Clients, both native and public (RFC 8252: any loopback port; PKCE is demanded):
//   keyless         ID tokens signed with RS256
//   keyless-es256   ID tokens signed with ES256
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
//
// With the scope offline_access and prompt=consent (OpenID Connect Core 11: without it the scope is ignored) the answer holds a
// refresh token, which changes with each use.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The packages rest beside the build, not beside this file.
const require = createRequire(join(process.env.KEYLESS_REAL ?? '.', 'node', 'package.json'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const key = (type, alg, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  use: 'sig',
  alg,
  kid: alg.toLowerCase(),
});

const client = (client_id, id_token_signed_response_alg) => ({
  client_id,
  id_token_signed_response_alg,
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
});

const configuration = {
  clients: [client('keyless', 'RS256'), client('keyless-es256', 'ES256')],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // The certified default keeps email out of an ID token that comes with an access token (OpenID Connect Core 5.4); what
  // people sign in with puts it there.
  conformIdTokenClaims: false,
  cookies: { keys: [randomBytes(16).toString('hex')] },
  features: {
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    revocation: { enabled: true },
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
  console.log(JSON.stringify({ issuer }));
});

if (fstatSync(0).isFIFO()) {
  process.stdin.on('end', () => process.exit()).resume();
}
