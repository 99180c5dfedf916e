import { createAuthClient } from 'kakao-login-web';
import { shallowRef } from 'vue';

export const auth = createAuthClient({
  baseUrl: import.meta.env.VITE_API,
  kakao: { clientId: import.meta.env.VITE_CLIENT_ID, redirectUri: '/callback', authorizeUrl: `${import.meta.env.VITE_KAKAO}/oauth/authorize` },
});

export const state = shallowRef(auth.getState());
auth.subscribe(() => (state.value = auth.getState()));
void auth.start();
