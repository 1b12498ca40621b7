//! Where people are sent: the addresses of destinations, as seen from the host that a request was made to.

use http::Method;

use super::Gateway;
use crate::context::{Context, Origin};
use crate::decision::{Destination, Reason, Wants};
use crate::pages;
use crate::route::{TenantMatch, TenantPlace, TenantRule};
use crate::session::{Lookup, Resolved, Session};

impl Gateway {
    /// The origin of the pages that send this request, as their browser sees it. What `public_origin` says is one
    /// host; with a host for every tenant it is also that of each of them.
    pub(crate) fn origin(&self, cx: &Context) -> Origin {
        match &self.public_origin {
            None => cx.origin(),
            Some(public) if self.pages.is_tenant_host(cx.authority.host()) => {
                public.at(cx.authority.host()).unwrap_or_else(|| cx.origin())
            }
            Some(public) => public.clone(),
        }
    }

    /// The address of a destination.
    pub(super) fn address(&self, cx: &Context, to: Destination, reason: Option<Reason>, resolved: &Resolved) -> String {
        match (to, &resolved.lookup) {
            (Destination::Onboarding, Lookup::Found(found)) => self.pages.onboarding(&found.session),
            (Destination::Home, Lookup::Found(found)) => self.pages.home_from(&self.origin(cx), &found.session),
            _ => self.pages.sign_in(asked(cx).as_deref(), reason),
        }
    }

    /// Home, as seen from this request.
    pub(crate) fn home(&self, cx: &Context, resolved: &Resolved) -> String {
        self.address(cx, Destination::Home, None, resolved)
    }

    /// Home, for a page on another tenant's host: a path would lead back to that host.
    pub(super) fn home_elsewhere(&self, cx: &Context, rule: TenantRule, session: &Session) -> String {
        let home = self.pages.home_from(&self.origin(cx), session);
        if !home.starts_with('/') {
            return home;
        }
        let own = session.tenant.as_ref().and_then(|tenant| {
            let name = match rule.by {
                TenantMatch::Id => Some(tenant.id.as_str()),
                TenantMatch::Slug => tenant.slug.as_deref(),
            };
            rule.host_of(cx.authority.host(), name?)
        });
        match own.and_then(|host| self.origin(cx).at(&host)).or_else(|| self.public_origin.clone()) {
            Some(origin) => format!("{origin}{home}"),
            None => home,
        }
    }

    /// Where a fresh session goes: onboarding when it is needed, else a safe `next`, else home. A `next` on the host of
    /// a tenant that is none of the user's would end at "this is another organisation's": home is meant.
    pub(crate) fn after_sign_in(&self, cx: &Context, session: &Session, next: Option<&str>) -> String {
        if session.needs_onboarding() {
            return self.pages.onboarding(session);
        }
        let here = self.origin(cx);
        let next = next.and_then(|next| self.pages.safe_next(next, &here));
        let open = |next: &String| !self.is_of_another(session, &here, next);
        next.filter(open).unwrap_or_else(|| self.pages.home_from(&here, session))
    }

    fn is_of_another(&self, session: &Session, here: &Origin, address: &str) -> bool {
        let (origin, path) = pages::parted(address);
        let origin = origin.and_then(Origin::parse);
        let host = origin.as_ref().unwrap_or(here).host();
        let route = self.routes.find(host, path, &Method::GET).ok();
        let rule = route.and_then(|route| route.tenant).filter(|rule| matches!(rule.place, TenantPlace::Host(_)));
        rule.is_some_and(|rule| {
            let named = rule.named(host, path);
            !session.tenant.iter().chain(&session.tenants).any(|tenant| rule.is(tenant, &named))
        })
    }
}

/// The page that was asked for, or that is open where a server action was: only a page is worth coming back to.
pub(super) fn asked(cx: &Context) -> Option<String> {
    let page = cx.wants == Wants::Page && cx.safe_method() || cx.server_action;
    page.then(|| match &cx.query {
        Some(query) => format!("{}?{query}", cx.path),
        None => cx.path.clone(),
    })
}
