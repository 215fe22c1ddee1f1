package login

// Pages written after the manner of well-known providers.
const (
	keycloakLogin = `<!DOCTYPE html><html><head><title>Sign in to acme</title><script src="/resources/menu.js"></script></head><body>
<div id="kc-content"><form id="kc-form-login" onsubmit="login.disabled = true; return true;" method="post"
 action="/realms/acme/login-actions/authenticate?session_code=SC&amp;execution=EX&amp;client_id=probe&amp;tab_id=TB">
<input tabindex="2" id="username" name="username" value="" type="text" autofocus autocomplete="username">
<input tabindex="3" id="password" name="password" type="password" autocomplete="current-password">
<button type="button" aria-label="Show password" data-password-toggle></button>
<input tabindex="5" id="rememberMe" name="rememberMe" type="checkbox"> Remember me
<input type="hidden" id="id-hidden-input" name="credentialId">
<input tabindex="7" name="login" id="kc-login" type="submit" value="Sign In"></form>
<div id="kc-social"><a href="/realms/acme/broker/x">Sign in with X</a></div></div></body></html>`

	keycloakRefused = `<html><head><title>Sign in to acme</title></head><body>
<form id="kc-form-login" method="post" action="/again"><input id="username" name="username" value="alice" type="text" aria-invalid="true">
<span id="input-error" class="kc-input-error" aria-live="polite">Invalid username or password.</span>
<input id="password" name="password" type="password"><input name="login" type="submit" value="Sign In"></form></body></html>`

	keycloakOTP = `<html><head><title>Sign in to acme</title></head><body><form id="kc-otp-login-form" action="/otp" method="post">
<input id="otp" name="otp" autocomplete="off" type="text"><input name="login" id="kc-login" type="submit" value="Sign In"></form></body></html>`

	keycloakConsent = `<html><body><form action="/consent" method="post"><input type="hidden" name="code" value="CD">
<input name="accept" id="kc-login" type="submit" value="Yes"><input name="cancel" id="kc-cancel" type="submit" value="No"></form></body></html>`

	keycloakNewPassword = `<html><head><title>Update password</title></head><body><form id="kc-passwd-update-form" action="/p" method="post">
<input type="password" id="password-new" name="password-new" autocomplete="new-password">
<input type="password" id="password-confirm" name="password-confirm" autocomplete="new-password"><input type="submit" value="Submit"></form></body></html>`

	auth0Identifier = `<html><head><title>Log in | acme</title></head><body><main><form method="POST" class="c1" data-form-primary="true">
<input type="hidden" name="state" value="ST"><input class="input" inputmode="email" name="username" id="username" type="text" autocomplete="email" required>
<input class="hide" type="password" autocomplete="off" tabindex="-1" aria-hidden="true" disabled>
<button type="submit" name="action" value="default" data-action-button-primary="true">Continue</button></form>
<form method="post" data-provider="google"><input type="hidden" name="state" value="ST"><input type="hidden" name="connection" value="google-oauth2">
<button type="submit"><span>Continue with Google</span></button></form></main></body></html>`

	auth0Password = `<html><head><title>Enter your password</title></head><body><form method="POST" data-form-primary="true"><input type="hidden" name="state" value="ST">
<span class="ulp-authenticator-selector-text">alice</span><input type="text" name="username" id="username" value="alice" readonly autocomplete="username" style="display:none">
<input name="password" id="password" type="password" required autocomplete="current-password">
<button type="button" data-action="toggle">Show</button><button type="submit" name="action" value="default">Continue</button></form></body></html>`

	auth0Captcha = `<html><body><form method="POST"><input type="text" name="username"><input type="password" name="password">
<div data-captcha-sitekey="k" data-captcha-provider="auth0"></div><input type="text" name="captcha" required><button type="submit" name="action" value="default">Continue</button></form></body></html>`

	auth0Hidden = `<form method="post" name="hiddenform" action="/login/callback"><input type="hidden" name="wa" value="wsignin1.0">
<input type="hidden" name="wresult" value="eyJ"><input type="hidden" name="wctx" value="{&quot;a&quot;:1}">
<noscript><p>Script is disabled.</p><input type="submit" value="Submit"></noscript></form><script>window.setTimeout(function(){document.forms[0].submit();},0);</script>`

	auth0Consent = `<html><head><title>Authorize App</title></head><body><form method="POST"><input type="hidden" name="state" value="ST">
<button type="submit" name="action" value="deny">Decline</button><button type="submit" name="action" value="accept">Accept</button></form></body></html>`

	auth0Blocked = `<html><head><title>Log in</title></head><body><form method="POST"><input name="username" type="text"><input name="password" type="password">
<span id="error-element-password" class="ulp-input-error-message">Your account has been blocked after multiple consecutive login attempts.</span>
<button type="submit" name="action" value="default">Continue</button></form></body></html>`

	dexLogin = `<html><head><title>dex</title></head><body><form method="post" action="/dex/auth/local/login?back=&amp;state=ST">
<input required id="login" name="login" placeholder="email address" type="text" autofocus><input required id="password" name="password" type="password">
<div id="login-error" class="dex-error-box">Invalid Email Address and password.</div><button tabindex="3" id="submit-login" type="submit">Login</button></form></body></html>`

	dexApproval = `<html><head><title>Grant Access</title></head><body><form method="post"><input type="hidden" name="req" value="RQ"><input type="hidden" name="approval" value="approve">
<button type="submit"><span>Grant Access</span></button></form><form method="post"><input type="hidden" name="req" value="RQ">
<input type="hidden" name="approval" value="rejected"><button type="submit"><span>Cancel</span></button></form></body></html>`

	hydraLogin = `<html><body><h1>Please log in</h1><form action="/login" method="POST"><input type="hidden" name="_csrf" value="CS"><input type="hidden" name="challenge" value="CH">
<input type="email" id="email" name="email" value="" placeholder="email@foobar.com"><input type="password" id="password" name="password">
<input type="checkbox" id="remember" name="remember" value="1"><label for="remember">Remember me</label>
<input type="submit" id="accept" name="submit" value="Log in"><input type="submit" id="reject" name="submit" value="Deny access"></form></body></html>`

	hydraConsent = `<html><body><form action="/consent" method="POST"><input type="hidden" name="challenge" value="CH">
<input type="checkbox" class="grant_scope" id="openid" value="openid" name="grant_scope"><input type="checkbox" class="grant_scope" id="email" value="email" name="grant_scope">
<input type="checkbox" id="remember" name="remember" value="1"><input type="submit" id="reject" name="submit" value="Deny access">
<input type="submit" id="accept" name="submit" value="Allow access"></form></body></html>`

	nodeLogin = `<html><head><title>Sign-in</title></head><body><form autocomplete="off" action="/interaction/UID/login" method="post"><input type="hidden" name="prompt" value="login">
<input required type="text" name="login" placeholder="Enter any login" autofocus><input required type="password" name="password" placeholder="and password">
<button type="submit" class="login login-submit">Sign-in</button></form><div class="login-help"><a href="/interaction/UID/abort">[ Cancel ]</a></div></body></html>`

	nodeConsent = `<html><head><title>Consent</title></head><body><form autocomplete="off" action="/interaction/UID/confirm" method="post"><input type="hidden" name="prompt" value="consent">
<button autofocus type="submit" class="login login-submit">Continue</button></form></body></html>`

	authentik = `<html><head><title>authentik</title><script type="module" src="/static/dist/flow.js"></script></head><body><ak-flow-executor></ak-flow-executor>
<noscript>JavaScript is required</noscript></body></html>`

	formPost = `<html><head><title>Submit This Form</title></head><body onload="javascript:document.forms[0].submit()"><form method="post" action="http://127.0.0.1/callback">
<input type="hidden" name="code" value="CODE-CODE"><input type="hidden" name="state" value="ST"><input type="submit" value="Continue"></form></body></html>`

	outside = `<html><body><form id="op.consentForm" method="post" action="/x"><input type="hidden" name="xsrf" value="X"></form>
<button type="submit" form="op.consentForm" name="deny" value="yes">No, thanks</button>
<button type="submit" form="op.consentForm" name="go" value="yes" formaction="/y">Yes, allow it</button></body></html>`

	insideTable = `<html><body><table><form action="/t" method="post"><tr><td><input name="j_username"></td></tr><tr><td><input type="password" name="j_password"></td></tr>
<tr><td><input type="submit" value="OK"></td></tr></form></table></body></html>`

	registration = `<html><body><form action="/register" method="post"><input name="email"><input type="password" name="p1"><input type="password" name="p2"><button>Register</button></form>
<form action="/login" method="post"><input name="email"><input type="password" name="p"><button>Log in</button></form></body></html>`
)
