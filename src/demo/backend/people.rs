//! Who there is in the demo: users, tenants, and who belongs where.

use std::borrow::Cow;

use http::StatusCode;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::PASSWORD;
use super::digest::sha256;
use super::reply::Refused;

/// The one who has not finished onboarding.
const NEWBIE: &str = "3";
/// First segments of the application's own addresses: as a slug they would shadow a tenant.
const TAKEN: [&str; 4] = ["api", "auth", "dashboard", "onboarding"];

pub(super) struct User {
    pub(super) id: &'static str,
    pub(super) email: &'static str,
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    pub(super) permissions: &'static [&'static str],
    /// The step of onboarding that is due; none when it is complete.
    pub(super) step: Option<Cow<'static, str>>,
    /// Ids of tenants; the first is where a sign-in leads.
    pub(super) tenants: Vec<String>,
    pub(super) disabled: bool,
    /// A sign-in by password asks for a code too.
    pub(super) second_factor: bool,
}

pub(super) struct Tenant {
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) name: String,
}

pub(super) struct People {
    users: Vec<User>,
    tenants: Vec<Tenant>,
}

impl Default for People {
    fn default() -> Self {
        let tenant = |id: u128, slug: &str, name: &str| Tenant {
            id: Uuid::from_u128(0x5eed_0000_0000_4000_8000_0000_0000_0000 + id).to_string(),
            slug: slug.to_owned(),
            name: name.to_owned(),
        };
        let tenants = vec![tenant(1, "acme", "Acme"), tenant(2, "globex", "Globex")];
        let user = |id, email, name, role, member: &[usize]| User {
            id,
            email,
            name,
            role,
            permissions: if role == "owner" { &["invoices.view", "invoices.edit"] } else { &["invoices.view"] },
            step: None,
            tenants: member.iter().map(|&i| tenants[i].id.clone()).collect(),
            disabled: false,
            second_factor: false,
        };
        let users = vec![
            user("1", "alice@acme.test", "Alice", "owner", &[0]),
            user("2", "bob@globex.test", "Bob", "owner", &[1]),
            User { step: Some("company".into()), ..user(NEWBIE, "newbie@example.test", "Newbie", "owner", &[]) },
            user("4", "carol@acme.test", "Carol", "member", &[0, 1]),
            User { second_factor: true, ..user("5", "dave@acme.test", "Dave", "member", &[0]) },
        ];
        Self { users, tenants }
    }
}

impl People {
    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// Ids of those who are through with onboarding.
    pub(super) fn onboarded(&self) -> Vec<&'static str> {
        self.users.iter().filter(|user| user.step.is_none() && !user.disabled).map(|user| user.id).collect()
    }

    pub(super) fn tenant(&self, id: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == id)
    }

    /// The user of these credentials. A wrong password and an unknown address are the same answer, and only the right
    /// password learns that an account is disabled.
    pub(super) fn sign_in(&self, email: &str, password: &str) -> Result<&User, Refused> {
        let right: bool = sha256(password.as_bytes()).ct_eq(&sha256(PASSWORD.as_bytes())).into();
        match self.users.iter().find(|user| user.email.eq_ignore_ascii_case(email.trim())) {
            Some(user) if right && user.disabled => Err(Refused::new(StatusCode::FORBIDDEN, "account_disabled")),
            Some(user) if right => Ok(user),
            _ => Err(Refused::new(StatusCode::UNAUTHORIZED, "invalid_credentials")),
        }
    }

    pub(super) fn finish_onboarding(&mut self, user_id: &str, company: &str) -> Option<String> {
        let user = self.users.iter_mut().find(|user| user.id == user_id)?;
        user.step = None;
        if let Some(at_hand) = user.tenants.first() {
            return self.tenants.iter().find(|tenant| tenant.id == *at_hand).map(|tenant| tenant.slug.clone());
        }
        let name: String = company.trim().chars().take(64).collect();
        let name = if name.is_empty() { "Company".to_owned() } else { name };
        let slug = free_slug(&self.tenants, &name);
        let tenant = Tenant { id: Uuid::new_v4().to_string(), slug: slug.clone(), name };
        user.tenants.push(tenant.id.clone());
        self.tenants.push(tenant);
        Some(slug)
    }

    pub(super) fn reset_newbie(&mut self) {
        if let Some(newbie) = self.users.iter_mut().find(|user| user.id == NEWBIE) {
            newbie.step = Some("company".into());
            let left = std::mem::take(&mut newbie.tenants);
            self.tenants.retain(|tenant| !left.contains(&tenant.id));
        }
    }

    /// Asks onboarding of a user again, from this step on. The newcomer's tenant goes, everybody else's stays.
    pub(super) fn require_onboarding(&mut self, user_id: &str, step: &str) {
        if user_id == NEWBIE {
            self.reset_newbie();
        }
        if let Some(user) = self.users.iter_mut().find(|user| user.id == user_id) {
            user.step = Some(step.to_owned().into());
        }
    }

    pub(super) fn all(&self) -> &[User] {
        &self.users
    }

    pub(super) fn disable(&mut self, user_id: &str, disabled: bool) {
        if let Some(user) = self.users.iter_mut().find(|user| user.id == user_id) {
            user.disabled = disabled;
        }
    }
}

/// A company's name as part of an address, with a number when another has it already.
fn free_slug(tenants: &[Tenant], name: &str) -> String {
    let words = name.to_ascii_lowercase();
    let words: Vec<&str> = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let base = if words.is_empty() { "company".to_owned() } else { words.join("-") };
    let free = |slug: &String| !TAKEN.contains(&slug.as_str()) && tenants.iter().all(|tenant| tenant.slug != *slug);
    let numbered = (2_u32..).map(|n| format!("{base}-{n}"));
    std::iter::once(base.clone()).chain(numbered).find(free).unwrap_or(base)
}
