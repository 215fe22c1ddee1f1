// The certified oidc-provider, as the tests drive it.
//
//   node op.mjs PORT [own]
//
// Without `own` its built-in development pages ask for login and consent (they
// take any password); with it, pages of ours do, which check the password. The
// password grant, which the package leaves out, is registered by us.
import { Provider, errors } from 'oidc-provider';

const port = Number(process.argv[2]);
const own = process.argv[3] === 'own';
const issuer = `http://127.0.0.1:${port}`;
const account = (id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@test.example` }) });
const users = new Map([['monitor', 'correct-horse-battery']]);

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
  if (!users.has(username) || users.get(username) !== password) throw new errors.InvalidGrant('wrong user or password');
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
      if (!users.has(form.get('login')) || users.get(form.get('login')) !== form.get('password')) {
        ctx.status = 401;
        ctx.type = 'html';
        ctx.body = page(`<p role="alert">Wrong user or password.</p>
          <form method="post"><input name="login"><input type="password" name="password"><button>Sign in</button></form>`);
        return undefined;
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
