//! What is asked for about the dependency file.

use crate::classify::output_path;
use crate::options::Part;
use crate::refusal::Refusal;
use crate::unit::{Argument, DepStyle, DepTarget};

/// What the options say about the dependency file.
#[derive(Default)]
pub(crate) struct Depend {
    pub(crate) style: Option<DepStyle>,
    /// The first option that makes sense only with a style.
    detail: Option<&'static str>,
    pub(crate) file: Option<String>,
    /// A style or a file is given to the driver.
    seen_by_driver: bool,
    /// Both are given through `-Wp,`: GCC's driver does not know of it, so the
    /// target is not derived from `-o`.
    pub(crate) unseen_by_driver: bool,
    pub(crate) targets: Vec<DepTarget>,
    pub(crate) phony: bool,
}

impl Depend {
    /// Returns the options as they are keyed where the compiler ignores them.
    pub(crate) fn ignored(&self) -> Vec<Argument> {
        let style = match self.style {
            Some(DepStyle::UserOnly) => "-MMD",
            _ => "-MD",
        };
        let argument = |option: &str, value| Argument { option: option.to_owned(), value };
        let mut arguments = vec![argument(style, None)];
        arguments.extend(self.file.clone().map(|file| argument("-MF", Some(file))));
        for target in &self.targets {
            let option = if target.escaped { "-MQ" } else { "-MT" };
            arguments.push(argument(option, Some(target.name.clone())));
        }
        arguments
    }

    /// Takes in what `-Wp,-MD,file` or `-Wp,-MMD,file` says.
    pub(crate) fn through_list(&mut self, part: Part, file: String) {
        self.add_style(part);
        self.file = Some(file);
        self.unseen_by_driver = true;
    }

    fn add_style(&mut self, part: Part) {
        match part {
            // Whatever their order, the shorter list wins.
            Part::DependAll => self.style = self.style.or(Some(DepStyle::All)),
            Part::DependUser => self.style = Some(DepStyle::UserOnly),
            _ => {}
        }
    }

    /// Takes one of the options in that are about the dependency file.
    pub(crate) fn option(
        &mut self,
        part: Part,
        name: &'static str,
        value: &str,
    ) -> Result<(), Refusal> {
        self.add_style(part);
        match part {
            Part::DependAll | Part::DependUser => self.seen_by_driver = true,
            _ => {
                self.detail.get_or_insert(name);
                self.seen_by_driver |= part == Part::DependFile;
            }
        }
        let target = |escaped| DepTarget { name: value.to_owned(), escaped };
        match part {
            Part::DependFile => self.file = Some(output_path("-MF", value)?),
            Part::DependTarget => self.targets.push(target(false)),
            Part::DependTargetQuoted => self.targets.push(target(true)),
            Part::DependPhony => self.phony = true,
            _ => {}
        }
        Ok(())
    }

    /// Refuses requests that the families understand in different ways.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.seen_by_driver && self.unseen_by_driver {
            return Err(Refusal::not_modelled(
                "-Wp,-MD",
                "is given beside another dependency file",
            ));
        }
        match (self.style, self.detail) {
            (None, Some(detail)) => Err(Refusal::NoDependencyFile(format!("-{detail}"))),
            _ => Ok(()),
        }
    }
}
