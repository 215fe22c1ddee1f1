// The certified oidc-provider, as the tests drive it.
//
//   node op.mjs PORT [own [LDAP-URL BASE-DN]]
//
// Without `own` its built-in development pages ask for login and consent (they
// take any password); with it, pages of ours do, which check the password: in a
// directory, by a bind, where one is named. The password grant, which the
// package leaves out, is registered by us.
import { Provider, errors } from 'oidc-provider';
import { Client, InvalidCredentialsError } from 'ldapts';

const port = Number(process.argv[2]);
const own = process.argv[3] === 'own';
const [directory, base] = process.argv.slice(4);
const issuer = `http://127.0.0.1:${port}`;
const account = (id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@test.example` }) });
const users = new Map([['monitor', 'correct-horse-battery']]);

// Tells whether the password is the user's; throws where the directory does not say.
const signIn = async (user, password) => {
  if (!directory) return users.has(user) && users.get(user) === password;
  if (!/^[a-z]+$/.test(user) || !password) return false; // a bind without a password always succeeds (RFC 4513, 5.1.2)
  const client = new Client({ url: directory, connectTimeout: 5000, timeout: 5000 });
  try {
    await client.bind(`uid=${user},${base}`, password);
    return true;
  } catch (error) {
    if (error instanceof InvalidCredentialsError) return false;
    throw error;
  } finally {
    await client.unbind().catch(() => {}); // there may be no connection
  }
};

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'web',
      client_secret: 'web-secret-of-the-test',
      application_type: 'native', // lets a loopback http redirect through
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token', 'password'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    {
      client_id: 'machine',
      client_secret: 'machine-secret-of-the-test',
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ],
  claims: { openid: ['sub'], email: ['email'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['a key of the test'] },
  features: {
    devInteractions: { enabled: !own },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({ scope: 'status', audience: 'https://api.test.example', accessTokenFormat: 'jwt', accessTokenTTL: 300 }),
      defaultResource: (ctx) => (ctx.oidc.client?.clientId === 'machine' ? 'https://api.test.example' : undefined),
      useGrantedResource: () => true,
    },
  },
  ...(own && { interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` } }),
  findAccount: (_ctx, id) => account(id),
});

provider.registerGrantType('password', async (ctx) => {
  const { username, password, scope } = ctx.oidc.params;
  const known = await signIn(username, password).catch((error) => {
    console.error('directory', error.message);
    throw new errors.TemporarilyUnavailable('the user directory does not answer');
  });
  if (!known) throw new errors.InvalidGrant('wrong user or password');
  const { client } = ctx.oidc;
  const grant = new provider.Grant({ accountId: username, clientId: client.clientId });
  grant.addOIDCScope(scope ?? 'openid');
  const grantId = await grant.save();
  const at = new provider.AccessToken({ accountId: username, client, grantId, gty: 'password', scope });
  ctx.oidc.entity('AccessToken', at);
  const accessToken = await at.save();
  const id = new provider.IdToken(account(username).claims(), { ctx });
  id.scope = scope;
  id.set('at_hash', accessToken);
  ctx.body = {
    access_token: accessToken,
    expires_in: at.expiration,
    id_token: await id.issue({ use: 'idtoken' }),
    scope,
    token_type: 'Bearer',
  };
}, ['username', 'password', 'scope']);

const page = (body) => `<!doctype html><html lang="en"><title>Sign in</title><body>${body}</body></html>`;
const read = async (req) => {
  let body = '';
  for await (const chunk of req) {
    body += chunk;
    if (body.length > 65536) throw new Error('too long');
  }
  return new URLSearchParams(body);
};

if (own) {
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    const { prompt, grantId, session, params } = await provider.interactionDetails(ctx.req, ctx.res);
    if (ctx.method === 'GET') {
      ctx.type = 'html';
      ctx.body = page(prompt.name === 'login'
        ? `<form method="post"><input name="login"><input type="password" name="password"><button>Sign in</button></form>`
        : `<form method="post"><button name="answer" value="no">Deny</button><button name="answer" value="yes">Allow</button></form>`);
      return undefined;
    }
    const form = await read(ctx.req);
    if (prompt.name === 'login') {
      const refuse = (status, why) => {
        ctx.status = status;
        ctx.type = 'html';
        ctx.body = page(`<p role="alert">${why}</p>
          <form method="post"><input name="login"><input type="password" name="password"><button>Sign in</button></form>`);
      };
      try {
        if (!await signIn(form.get('login'), form.get('password'))) return refuse(401, 'Wrong user or password.');
      } catch (error) {
        console.error('directory', error.message);
        return refuse(503, 'Nobody can sign in now: the user directory does not answer.');
      }
      return provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: form.get('login') } });
    }
    if (form.get('answer') !== 'yes') {
      return provider.interactionFinished(ctx.req, ctx.res, { error: 'access_denied', error_description: 'the user said no' });
    }
    const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    for (const s of prompt.details.missingOIDCScope ?? []) grant.addOIDCScope(s);
    return provider.interactionFinished(ctx.req, ctx.res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
  });
}

provider.on('server_error', (_ctx, err) => console.error('server_error', err));
const server = provider.listen(port, '127.0.0.1', () => console.log(`listening ${issuer}`));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
