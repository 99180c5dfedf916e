import { createAuthClient } from 'kakao-login-web';
import settings from '/settings.js';

const auth = createAuthClient({
  baseUrl: settings.API,
  kakao: { clientId: settings.CLIENT_ID, redirectUri: '/callback', authorizeUrl: `${settings.KAKAO}/oauth/authorize` },
  // The page where the login started is another document, which does not know this one's error.
  onReturn(path) {
    sessionStorage.setItem('login-error', auth.getState().error?.code ?? '');
    location.replace(path);
  },
});

const element = (id) => document.getElementById(id);

async function render() {
  const { status, user, error } = auth.getState();
  element('who').textContent = user ? `Hello ${user.nickname}` : status;
  element('error').textContent = error?.code ?? (user ? '' : sessionStorage.getItem('login-error'));
  element('login').hidden = status !== 'anonymous';
  element('logout').hidden = !user;
  if (!user) element('private')?.replaceChildren();
  else if (element('private')) {
    const profile = Object.assign(document.createElement('p'), { id: 'profile' });
    element('private').replaceChildren(profile);
    profile.textContent = (await (await auth.fetch('/auth/profile')).json()).nickname;
  }
}

if (element('who')) {
  element('login').onclick = () => auth.login();
  element('logout').onclick = () => auth.logout();
  auth.subscribe(render);
  void render();
}
void auth.start();
