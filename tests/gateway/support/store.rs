//! A browser's cookie store, as RFC 6265bis section 5 has it: what is sent, and what a `Set-Cookie` does to it.

/// One cookie. No two have the same name, domain, path and host-only flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The host it was set by, or a parent of it.
    pub(crate) domain: String,
    pub(crate) host_only: bool,
    pub(crate) path: String,
    pub(crate) secure: bool,
}

/// The cookies of one browser, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store(pub(crate) Vec<Entry>);

impl Store {
    /// Puts one in, as some other answer or script did before.
    pub(crate) fn put(&mut self, entry: Entry) {
        match self.0.iter_mut().find(|e| e.is_in_the_place_of(&entry)) {
            Some(old) => *old = entry,
            None => self.0.push(entry),
        }
    }

    /// The `Cookie` line of a request: longer paths first, then the older ones.
    pub(crate) fn line(&self, host: &str, path: &str, secure: bool) -> String {
        let mut sent: Vec<&Entry> = self.0.iter().filter(|e| e.goes_to(host, path, secure)).collect();
        sent.sort_by_key(|e| std::cmp::Reverse(e.path.len()));
        sent.iter().map(|e| format!("{}={}", e.name, e.value)).collect::<Vec<_>>().join("; ")
    }

    /// Takes the lines of an answer, in their order.
    pub(crate) fn take(&mut self, host: &str, path: &str, secure: bool, lines: &[String]) {
        for line in lines {
            if let Some((entry, gone)) = read(host, path, secure, line) {
                let overlays = |e: &Entry| e.secure && !secure && e.name == entry.name;
                if self.0.iter().any(overlays) {
                    continue;
                }
                self.0.retain(|e| !(gone && e.is_in_the_place_of(&entry)));
                if !gone {
                    self.put(entry);
                }
            }
        }
    }

    /// Those of one name.
    pub(crate) fn named(&self, name: &str) -> Vec<&Entry> {
        self.0.iter().filter(|e| e.name == name).collect()
    }
}

impl Entry {
    /// Host-only, for every page, over https.
    pub(crate) fn new(name: &str, value: &str, host: &str) -> Self {
        let [name, value, domain] = [name, value, host].map(str::to_owned);
        Self { name, value, domain, host_only: true, path: "/".into(), secure: true }
    }

    /// For a host and all below it.
    pub(crate) fn domain(self, domain: &str) -> Self {
        Self { domain: domain.to_owned(), host_only: false, ..self }
    }

    pub(crate) fn path(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    fn is_in_the_place_of(&self, other: &Self) -> bool {
        let place = |e: &Self| (e.name.clone(), e.domain.clone(), e.host_only, e.path.clone());
        place(self) == place(other)
    }

    fn goes_to(&self, host: &str, path: &str, secure: bool) -> bool {
        let domain = if self.host_only { host == self.domain } else { is_within(host, &self.domain) };
        let rest = path.strip_prefix(self.path.as_str());
        let path = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        domain && path && (secure || !self.secure)
    }
}

fn is_within(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// What a line sets, and whether it takes it away; none where browsers ignore the line.
fn read(host: &str, path: &str, secure_origin: bool, line: &str) -> Option<(Entry, bool)> {
    let mut parts = line.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let directory = path.rfind('/').filter(|end| *end > 0).map_or("/", |end| &path[..end]);
    let mut entry = Entry { secure: false, ..Entry::new(name, value, host).path(directory) };
    let (mut gone, mut path_is_root) = (false, false);
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key.to_ascii_lowercase().as_str() {
            "secure" => entry.secure = true,
            "path" if value.starts_with('/') => {
                entry.path = value.to_owned();
                path_is_root = value == "/";
            }
            "max-age" => gone = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
            "domain" => {
                let domain = value.trim_start_matches('.').to_ascii_lowercase();
                // A public suffix, of which this model knows those of one label.
                let is_public = !domain.contains('.');
                if !is_within(host, &domain) || is_public && host != domain {
                    return None;
                }
                if !is_public {
                    entry = entry.domain(&domain);
                }
            }
            _ => {}
        }
    }
    let begins = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let secure = entry.secure && secure_origin;
    let is_refused = entry.secure && !secure_origin
        || begins("__Secure-") && !secure
        || begins("__Host-") && !(secure && entry.host_only && path_is_root);
    (!is_refused).then_some((entry, gone))
}
