//! Each route as a client sees it: through the gateway, with a real DynamoDB client and a strict Kakao stand-in.
//!
//! Tests in modules named `remote` need only the routes: they run on a new stack, or on the one at `STACK_URL`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

// Every file of this folder. A route with several files has a folder of its own, and is listed below.
automod::dir!(pub(crate) "api");

/// `POST /auth/kakao`
mod login {
    pub(crate) mod code;
    mod credentials;
    mod deletion;
    pub(crate) mod id_token;
    mod id_token_keys;
    mod id_token_once;
    mod known_user;
    mod links;
    mod links_setting;
    mod numbers;
    mod odd_responses;
    mod presence;
    mod quota;
    pub(crate) mod redemption;
    mod remote;
    mod session_limit;
    mod users;
}

/// `GET /auth/kakao/login` and `GET /auth/kakao/callback`
mod hosted {
    mod begin;
    mod callback;
    mod fails;
    mod next;
    mod refused;
    pub(crate) mod visitor;
}

/// `POST /auth/refresh`
mod refresh {
    mod at_once;
    mod remote;
    mod rules;
    mod storm;
    mod two_cookies;

    /// Of linked sessions.
    mod links {
        mod cookies;
        mod ends;
        mod growth;
        mod keys;
        mod lost;
        mod refused;
        mod two_cookies;
        mod user;
    }
}

/// Clients that carry their refresh token in bodies: apps.
mod app {
    mod device;
    mod from_pages;
    mod killed;
    pub(crate) mod login;
    mod logout;
    mod refresh;
}

/// Pages that carry their refresh token in bodies, as with dj-rest-auth: `COMPATIBILITY`.
mod compatibility {
    pub(crate) mod login;
    mod logout;
    mod off;
    mod refresh;
}

/// Refresh tokens from Django: `DJANGO_REFRESH_UNTIL`.
mod django {
    mod closed;
    mod cookies;
    mod deleted;
    mod everywhere;
    mod in_body;
    mod logged_out;
    mod misuse;
    pub(crate) mod once;
}

/// `POST /auth/logout`
mod logout {
    mod everywhere;
    mod links;
    mod links_two_cookies;
    mod others;
    mod remote;
    mod spent_tokens;
}

/// `GET /auth/profile`, `GET /auth/session`, `PATCH /auth/profile` and `PUT /dj-rest-auth/user/`
mod profile {
    mod cookie;
    mod names;
    mod own_names;
    mod remote;
}

/// `GET /auth/sessions` and `DELETE /auth/sessions/{id}`
mod sessions {
    mod links;
    mod list;
    mod remote;
}

/// `DELETE /auth/account` and `GET /auth/account`
mod account {
    mod delete;
    mod export;
    mod killed;
    mod links;
    mod recent_login;
    mod remote;
}

/// `POST /auth/verify`
mod verify {
    mod jwt_attacks;
    mod remote;
}

/// `/webhooks/kakao/unlink` and `/webhooks/kakao/account-status`
mod kakao_events {
    mod account_status;
    mod outbox;
    mod unlink;

    pub(crate) use outbox::outbox;
}

/// `GET /.well-known/jwks.json` and `GET /.well-known/openid-configuration`
mod jwks {
    mod remote;
}

/// The function that creates, rotates and replaces keys, and how the others use them.
mod rotate_keys {
    mod algorithms;
    mod keys;
    mod leaks;
    mod replacement;
    pub(crate) mod rotation;
}

/// The function that finishes deletions and acts on what Kakao says about people.
mod finish_deletions {
    mod deletion;
    mod events;
    mod inquiry;
    mod kakao_fails;
    mod killed;
    mod leases;
    mod lines;
    mod operator;
    pub(crate) mod person;
    mod restore;
    mod unreadable;
}

/// What operators change, and what people and services see of it.
mod operators {
    mod disabled;
    mod overtaken;
    mod person;
    mod roles;
    mod roles_from_django;
    mod settled;
}

/// The function that publishes changes of users.
mod publish_user_events {
    mod changes;
    mod deletion;
    mod failures;
    mod unreadable;
}

/// What holds for every route: the gateway, CORS, cookies, headers and bodies.
mod edge {
    mod cookies;
    mod gateway;
    mod odd_events;
    mod origin;
    mod remote;
}
