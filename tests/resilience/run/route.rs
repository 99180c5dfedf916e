//! The requests that meet a fault.

use tests::Credential;

/// The request that meets the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    LogIn(Credential),
    /// A login of a known user.
    LogInAgain,
    /// A refresh that rotates.
    Refresh,
    /// A refresh inside the window, which does not rotate.
    RefreshSoon,
    RefreshWithUser,
    LogOut,
    LogOutEverywhere,
    Profile,
    LinkedLogIn(Credential),
    /// The first refresh after a login of which only the cookie arrived.
    FirstLinkedRefresh,
    /// A refresh by which the chain grows.
    LinkedRefresh,
    /// A refresh within the pace, by which it does not grow.
    LinkedRefreshSoon,
    LinkedRefreshWithUser,
    LinkedLogOutEverywhere,
}

/// All routes with their names.
pub const ROUTES: [(&str, Route); 18] = [
    ("login, access token", Route::LogIn(Credential::AccessToken)),
    ("login, code", Route::LogIn(Credential::Code)),
    ("login, ID token", Route::LogIn(Credential::IdToken)),
    ("login again", Route::LogInAgain),
    ("refresh", Route::Refresh),
    ("refresh in the window", Route::RefreshSoon),
    ("refresh with user", Route::RefreshWithUser),
    ("logout", Route::LogOut),
    ("logout everywhere", Route::LogOutEverywhere),
    ("profile", Route::Profile),
    ("linked login, access token", Route::LinkedLogIn(Credential::AccessToken)),
    ("linked login, code", Route::LinkedLogIn(Credential::Code)),
    ("linked login, ID token", Route::LinkedLogIn(Credential::IdToken)),
    ("first linked refresh", Route::FirstLinkedRefresh),
    ("linked refresh", Route::LinkedRefresh),
    ("linked refresh within the pace", Route::LinkedRefreshSoon),
    ("linked refresh with user", Route::LinkedRefreshWithUser),
    ("linked logout everywhere", Route::LinkedLogOutEverywhere),
];

impl Route {
    /// Whether Kakao is called.
    pub fn is_at_kakao(self) -> bool {
        matches!(self, Self::LogIn(_) | Self::LinkedLogIn(_))
    }

    /// Whether its session is linked.
    pub fn is_linked(self) -> bool {
        matches!(
            self,
            Self::LinkedLogIn(_)
                | Self::FirstLinkedRefresh
                | Self::LinkedRefresh
                | Self::LinkedRefreshSoon
                | Self::LinkedRefreshWithUser
                | Self::LinkedLogOutEverywhere
        )
    }

    /// The function that serves it.
    pub fn function(self) -> &'static str {
        match self {
            Self::LogIn(_) | Self::LogInAgain | Self::LinkedLogIn(_) => "kakao-login",
            Self::LogOut | Self::LogOutEverywhere | Self::LinkedLogOutEverywhere => "logout",
            Self::Profile => "profile",
            _ => "refresh",
        }
    }
}
