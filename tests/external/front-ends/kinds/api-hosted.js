// No login code of its own: a link to /accounts/kakao/login/, as allauth has it, and then the session's cookie alone.

export function create({ api }) {
  const user = () => fetch(`${api}/dj-rest-auth/user/`, { credentials: 'include' });
  return {
    loginLink: () => `${api}/accounts/kakao/login/?next=${encodeURIComponent(location.href)}`,
    call: async () => (await user()).status,
    async who() {
      const response = await user();
      return response.ok ? (await response.json()).username : null;
    },
    refreshToken: () => null,
    logOut: () => fetch(`${api}/dj-rest-auth/logout/`, { method: 'POST', credentials: 'include' }),
  };
}
