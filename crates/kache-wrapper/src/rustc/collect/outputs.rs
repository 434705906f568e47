//! The files a compilation made: complete, its own, and searched for the
//! places they should not name.

use std::fs;
use std::path::Path;

use kache_key::rustc::dep_info::DepInfo;
use kache_key::rustc::messages;

use super::Collector;
use crate::compilation::products::Made;
use crate::compilation::{Form, Product};
use crate::rustc::facts::{Facts, METADATA_ROLE, RLIB_ROLE, STATICLIB_ROLE};

/// Makes sure that every file the compiler says it wrote is one that is stored.
pub(super) fn check_announced(facts: &Facts<'_>, stderr: &str) -> Result<(), String> {
    for (path, kind) in messages::artifacts(stderr) {
        let name = Path::new(&path).file_name().and_then(|name| name.to_str());
        if !facts.compilation.products.iter().any(|it| Some(it.name.as_str()) == name) {
            return Err(format!("unexpected output `{path}` ({kind})"));
        }
    }
    Ok(())
}

impl<'a> Collector<'a> {
    /// Reads the list of sources that the compiler wrote; returns what it is a
    /// product as, too.
    pub(super) fn dep_info(&self) -> Result<(&'a Product, DepInfo), String> {
        let mut products = self.facts.compilation.products.iter();
        let product = products
            .find(|product| product.form == Form::Text)
            .ok_or("no dep-info was asked for")?;
        let path = &product.path;
        self.inputs.check_written(path)?;
        let text = fs::read_to_string(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let dep_info = DepInfo::parse(&text).map_err(|e| format!("`{}`: {e}", path.display()))?;
        Ok((product, dep_info))
    }

    /// Hashes every output and searches it for roots.
    pub(super) fn outputs(&mut self) -> Result<Vec<Made>, String> {
        let facts = self.facts;
        let products = facts.compilation.products.iter();
        products
            .filter(|product| product.form != Form::Text)
            .map(|product| self.output(product))
            .collect()
    }

    fn output(&mut self, product: &Product) -> Result<Made, String> {
        let may_be_empty = product.role == METADATA_ROLE && !self.facts.unit.is_lib_like();
        let made = self.inputs.product(product, may_be_empty)?;
        match product.role {
            RLIB_ROLE => self.rlib_members(&product.path)?,
            STATICLIB_ROLE => self.staticlib_members(&product.path)?,
            _ => {}
        }
        Ok(made)
    }
}
