//! Applying one TOML file to the settings.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::config::CrateRules;
use crate::inspect::Origin;
use crate::pattern::crate_identifier;
use crate::problem::{BadValue, ConfigError, FilePlace, Problem, UnknownKey};
use crate::resolve::Resolution;
use crate::settings::{CRATE_SETTINGS, SETTINGS};
use crate::value::{Given, Site};

type Entry<'a, 'i> = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>);

/// Applies the file at `path`; a file with a syntax error changes nothing.
pub(crate) fn apply(resolution: &mut Resolution, path: &Path, bytes: Vec<u8>, home: Option<&Path>) {
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let place = FilePlace::of(path, &text, valid);
        let message = "not UTF-8".to_owned();
        resolution.problems.push(Problem::Invalid(ConfigError::Syntax { place, message }));
        String::new()
    });
    let (root, errors) = DeTable::parse_recoverable(&text);
    for error in &errors {
        let place = FilePlace::of(path, &text, error.span().map_or(0, |span| span.start));
        let message = error.message().to_owned();
        resolution.problems.push(Problem::Invalid(ConfigError::Syntax { place, message }));
    }
    if errors.is_empty() {
        let dir = path.parent().unwrap_or(path);
        Reader { resolution, path, text: &text, site: Site { dir, home } }.root(root.get_ref());
    }
}

/// One file on its way into the settings.
struct Reader<'a> {
    resolution: &'a mut Resolution,
    path: &'a Path,
    text: &'a str,
    site: Site<'a>,
}

impl Reader<'_> {
    fn root(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let section = format!("{name}.");
            if name == "crates" {
                self.crates((key, value));
            } else if SETTINGS.iter().any(|setting| setting.key.starts_with(&section)) {
                for (inner, value) in self.table(name, value).into_iter().flatten() {
                    self.setting(format!("{section}{}", inner.get_ref()), (inner, value));
                }
            } else {
                self.setting(name.to_owned(), (key, value));
            }
        }
    }

    fn setting(&mut self, key: String, (name, value): Entry<'_, '_>) {
        let found = SETTINGS.iter().zip(&mut self.resolution.origins).find(|(s, _)| s.key == key);
        let Some((setting, origin)) = found else {
            return self.unknown(key, name.span());
        };
        let given = Given::Toml(value.get_ref());
        match (setting.assign)(&mut self.resolution.config, given, &self.site) {
            Ok(()) => *origin = Origin::File(self.path.to_owned()),
            Err(bad) => self.invalid(key, value.span(), bad),
        }
    }

    fn crates(&mut self, (key, value): Entry<'_, '_>) {
        for (name, rules) in self.table(key.get_ref(), value).into_iter().flatten() {
            let section = format!("crates.{}", name.get_ref());
            let identifier = crate_identifier(name.get_ref());
            let mut merged = self.resolution.config.crates.remove(&identifier).unwrap_or_default();
            for entry in self.table(&section, rules).into_iter().flatten() {
                if let Some(key) = self.crate_setting(&section, &mut merged, entry) {
                    let origin = Origin::File(self.path.to_owned());
                    let set = &mut self.resolution.crate_origins;
                    set.retain(|(name, known, _)| (name, *known) != (&identifier, key));
                    set.push((identifier.clone(), key, origin));
                }
            }
            self.resolution.config.crates.insert(identifier, merged);
        }
    }

    /// Applies one key of `[crates.<name>]` and returns it if that worked.
    fn crate_setting(
        &mut self,
        section: &str,
        rules: &mut CrateRules,
        (name, value): Entry<'_, '_>,
    ) -> Option<&'static str> {
        let key = format!("{section}.{}", name.get_ref());
        let Some(setting) = CRATE_SETTINGS.iter().find(|s| s.key == name.get_ref().as_ref()) else {
            self.unknown(key, name.span());
            return None;
        };
        match (setting.assign)(rules, Given::Toml(value.get_ref()), &self.site) {
            Ok(()) => Some(setting.key),
            Err(bad) => {
                self.invalid(key, value.span(), bad);
                None
            }
        }
    }

    /// Returns the section that `value` is, or reports that it is none.
    fn table<'t, 'i>(
        &mut self,
        key: &str,
        value: &'t Spanned<DeValue<'i>>,
    ) -> Option<&'t DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let found = value.get_ref().type_str();
            let bad = BadValue::of(format!("expected a table, found a value of type {found}"));
            self.invalid(key.to_owned(), value.span(), bad);
        }
        table
    }

    fn invalid(&mut self, key: String, value: Range<usize>, bad: BadValue) {
        let offset = bad.span.unwrap_or(value).start;
        let place = FilePlace::of(self.path, self.text, offset);
        let message = bad.message;
        let error = ConfigError::Value { place, key, message };
        self.resolution.problems.push(Problem::Invalid(error));
    }

    fn unknown(&mut self, key: String, at: Range<usize>) {
        let place = FilePlace::of(self.path, self.text, at.start);
        let unknown = UnknownKey { place, key, suggestion: None };
        self.resolution.problems.push(Problem::UnknownKey(unknown));
    }
}
