//! The people file: who the suite may sign in as.

use serde::Deserialize;

use super::check::Stop;

/// The test accounts, as `people.toml` lists them. `deploy/conformance.md` has one with every key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Whoever has no password of their own has this one.
    password: Option<String>,
    /// Through with onboarding, member of at least one tenant, no second factor.
    member: Person,
    /// Another user: member of two tenants at least.
    multi_tenant: Option<Person>,
    /// Asked for a code.
    second_factor: Option<Person>,
    /// Onboarding is ahead; in no tenant yet.
    newcomer: Option<Person>,
    /// Whose account is disabled.
    disabled: Option<Person>,
    /// Whose account is locked, for now.
    locked: Option<Person>,
    /// A good token of the identity provider.
    access_token: Option<Value>,
    #[serde(default)]
    migrate: Vec<Proof>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) email: String,
    #[serde(default)]
    pub(super) password: String,
    code: Option<String>,
    code_command: Option<String>,
}

/// A text, or the command that prints it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Value {
    value: Option<String>,
    command: Option<String>,
}

/// A proof of a legacy session.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    pub(super) kind: String,
    #[serde(default = "source")]
    pub(super) source: String,
    value: Option<String>,
    command: Option<String>,
}

fn source() -> String {
    "session_id".to_owned()
}

impl People {
    /// Reads the file's text.
    ///
    /// # Errors
    /// In words, with the place: not TOML, an unknown key, nobody where somebody is needed. No value is quoted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut people: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|place| text.get(..place.start));
            let line = before.map(|text| format!("line {}: ", text.matches('\n').count() + 1)).unwrap_or_default();
            format!("{line}{}", error.message())
        })?;
        people.fill_in()?;
        Ok(people)
    }

    fn fill_in(&mut self) -> Result<(), String> {
        let Self { password, member, multi_tenant, second_factor, newcomer, disabled, locked, migrate, .. } = self;
        let optional = [
            ("multi_tenant", multi_tenant),
            ("second_factor", second_factor),
            ("newcomer", newcomer),
            ("disabled", disabled),
            ("locked", locked),
        ];
        let all = optional.into_iter().filter_map(|(name, person)| Some((name, person.as_mut()?)));
        for (name, person) in std::iter::once(("member", member)).chain(all) {
            if person.password.is_empty() {
                let common = password.clone().filter(|password| !password.is_empty());
                person.password =
                    common.ok_or_else(|| format!("[{name}] has no `password`, and there is none for all"))?;
            }
            if name == "second_factor" && person.code.is_none() && person.code_command.is_none() {
                return Err("[second_factor] needs `code`, or `code_command` that prints the newest one".into());
            }
        }
        match migrate.iter().find(|p| !matches!(p.kind.as_str(), "session_id" | "access_token" | "opaque")) {
            Some(proof) => {
                Err(format!("[[migrate]]: `kind` is session_id, access_token or opaque, and not {:?}", proof.kind))
            }
            None => Ok(()),
        }
    }

    /// What no report may show.
    pub(super) fn secrets(&self) -> Vec<String> {
        let optional = [&self.multi_tenant, &self.second_factor, &self.newcomer, &self.disabled, &self.locked];
        let passwords = optional.into_iter().flatten().map(|p| p.password.clone());
        let values = self.migrate.iter().filter_map(|p| p.value.clone());
        let token = self.access_token.iter().filter_map(|t| t.value.clone());
        std::iter::once(self.member.password.clone()).chain(passwords).chain(values).chain(token).collect()
    }

    pub(super) fn member(&self) -> &Person {
        &self.member
    }

    pub(super) fn multi_tenant(&self) -> Result<&Person, Stop> {
        named(self.multi_tenant.as_ref(), "[multi_tenant]")
    }

    pub(super) fn second_factor(&self) -> Result<&Person, Stop> {
        named(self.second_factor.as_ref(), "[second_factor]")
    }

    pub(super) fn newcomer(&self) -> Result<&Person, Stop> {
        named(self.newcomer.as_ref(), "[newcomer]")
    }

    pub(super) fn disabled(&self) -> Result<&Person, Stop> {
        named(self.disabled.as_ref(), "[disabled]")
    }

    pub(super) fn locked(&self) -> Result<&Person, Stop> {
        named(self.locked.as_ref(), "[locked]")
    }

    pub(super) async fn access_token(&self) -> Result<String, Stop> {
        let token = named(self.access_token.as_ref(), "[access_token]")?;
        text(token.value.clone(), token.command.clone(), "").await
    }

    /// A proof of this kind.
    pub(super) fn proof(&self, kind: &str) -> Result<&Proof, Stop> {
        named(self.migrate.iter().find(|proof| proof.kind == kind), &format!("[[migrate]] with kind = \"{kind}\""))
    }
}

impl Person {
    /// The answer to a challenge.
    pub(super) async fn code(&self, challenge: &str) -> Result<String, Stop> {
        text(self.code.clone(), self.code_command.clone(), challenge).await
    }
}

impl Proof {
    /// The proof itself; none when a session of today is meant.
    pub(super) async fn value(&self) -> Result<Option<String>, Stop> {
        if self.value.is_none() && self.command.is_none() {
            let of_today = self.kind == "session_id";
            return if of_today {
                Ok(None)
            } else {
                Err(Stop::Skip("no `value` or `command` in its [[migrate]]".into()))
            };
        }
        text(self.value.clone(), self.command.clone(), "").await.map(Some)
    }
}

fn named<'a, T>(found: Option<&'a T>, name: &str) -> Result<&'a T, Stop> {
    found.ok_or_else(|| Stop::Skip(format!("no {name} in the people file")))
}

/// The text, or what the command prints: run by `sh`, with the challenge's id in `SIDGATE_CHALLENGE`.
async fn text(value: Option<String>, command: Option<String>, challenge: &str) -> Result<String, Stop> {
    let Some(command) = command else { return Ok(value.unwrap_or_default()) };
    let (line, challenge) = (command.clone(), challenge.to_owned());
    let run = move || std::process::Command::new("sh").args(["-c", &line]).env("SIDGATE_CHALLENGE", challenge).output();
    let failed = |why: String| Stop::Fail { expected: format!("`{command}` to print a text"), got: why };
    match tokio::task::spawn_blocking(run).await {
        Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Ok(Ok(output)) => Err(failed(format!("it ended with {}", output.status))),
        Ok(Err(error)) => Err(failed(format!("it did not start: {error}"))),
        Err(error) => Err(failed(error.to_string())),
    }
}
