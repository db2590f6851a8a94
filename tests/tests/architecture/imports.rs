//! Finds which file imports from which, from the source text of one crate.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use fwprobe_tests::tree;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, Meta, UseTree, Visibility};

/// The names of a module from the crate root down; empty for the root itself.
type Module = Vec<String>;

/// The files of one crate without test code, and the imports between them.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    edges: BTreeMap<Module, BTreeSet<Module>>,
    /// Files that no other file declares as a module, so that they are not compiled.
    undeclared: Vec<Module>,
}

impl Imports {
    /// Reads every file below `source`, the folder of the crate's `lib.rs`.
    pub(crate) fn of_crate(source: &Path) -> Self {
        let files = tree::files(source, "rs").into_iter().filter_map(|path| {
            let module = module(path.strip_prefix(source).ok()?)?;
            let text = fs::read_to_string(&path).expect("a source file");
            let file = File::parse(&text, &module);
            Some((module, file))
        });
        let files: BTreeMap<Module, File> = files.collect();
        assert!(files.len() > 1, "no modules in {}", source.display());
        Self::between(&files)
    }

    /// Reads the given sources, each with its module's name, as in `a::b`.
    pub(crate) fn of_texts(texts: &[(&str, &str)]) -> Self {
        let parsed = texts.iter().map(|(name, text)| {
            let module = name
                .split("::")
                .filter(|n| !n.is_empty())
                .map(str::to_owned);
            let module: Module = module.collect();
            let file = File::parse(text, &module);
            (module, file)
        });
        Self::between(&parsed.collect())
    }

    fn between(files: &BTreeMap<Module, File>) -> Self {
        let edges = files.iter().map(|(module, file)| {
            let targets = file.paths.iter().filter_map(|path| target(files, path));
            let others = targets.filter(|t| !t.starts_with(module) && !module.starts_with(t));
            (module.clone(), others.collect())
        });
        let declared = |module: &&Module| {
            module.split_last().is_none_or(|(name, parent)| {
                let parent = files.get(parent);
                parent.is_some_and(|parent| parent.children.contains(name))
            })
        };
        Self {
            edges: edges.collect(),
            undeclared: files.keys().filter(|m| !declared(m)).cloned().collect(),
        }
    }

    /// Returns the files that are in no module, as in `a::b`.
    pub(crate) fn undeclared(&self) -> Vec<String> {
        self.undeclared.iter().map(|m| m.join("::")).collect()
    }

    /// Returns the shortest cycle of imports through each file that is in one. Each cycle is listed once.
    ///
    /// A parent and its children do not form a cycle: a child may use what its parent defines.
    pub(crate) fn circles(&self) -> BTreeSet<Vec<String>> {
        self.edges
            .keys()
            .filter_map(|start| self.circle(start))
            .collect()
    }

    fn circle(&self, start: &Module) -> Option<Vec<String>> {
        let mut came_from: BTreeMap<&Module, &Module> = BTreeMap::new();
        let mut waiting = VecDeque::from([start]);
        while let Some(module) = waiting.pop_front() {
            for next in self.edges.get(module).into_iter().flatten() {
                if next == start {
                    return Some(Self::way_back(&came_from, start, module));
                }
                if !came_from.contains_key(next) {
                    came_from.insert(next, module);
                    waiting.push_back(next);
                }
            }
        }
        None
    }

    /// Returns the names on the way from `start` to `last`, rotated so that the alphabetically first one comes first.
    fn way_back(
        came_from: &BTreeMap<&Module, &Module>,
        start: &Module,
        last: &Module,
    ) -> Vec<String> {
        let mut way = vec![last.join("::")];
        let mut module = last;
        while module != start {
            module = came_from[module];
            way.push(module.join("::"));
        }
        way.reverse();
        let first = (0..way.len()).min_by_key(|i| &way[*i]).unwrap_or(0);
        way.rotate_left(first);
        way
    }
}

/// Returns the file that defines what `path` names, following re-exports.
fn target(files: &BTreeMap<Module, File>, path: &[String]) -> Option<Module> {
    let mut path = path.to_vec();
    // Chains of re-exports are short, and a cycle of them would not compile.
    for _ in 0..16 {
        let known = (0..=path.len())
            .rev()
            .find(|n| files.contains_key(&path[..*n]))?;
        let module = path[..known].to_vec();
        let moved = path
            .get(known)
            .and_then(|name| files[&module].reexports.get(name));
        match moved {
            Some(target) => path = [target, &path[known + 1..]].concat(),
            None => return Some(module),
        }
    }
    None
}

/// The modules and paths of one file.
#[derive(Debug, Default)]
struct File {
    module: Module,
    /// The child modules that the file declares.
    children: BTreeSet<String>,
    /// The absolute paths that its code uses.
    paths: BTreeSet<Vec<String>>,
    /// The names that the file re-exports, and where they come from.
    reexports: BTreeMap<String, Vec<String>>,
}

impl File {
    fn parse(text: &str, module: &[String]) -> Self {
        let parsed = syn::parse_file(text).expect("Rust that compiles");
        let mut file = Self {
            module: module.to_vec(),
            children: parsed.items.iter().filter_map(declared).collect(),
            ..Self::default()
        };
        file.visit_file(&parsed);
        file
    }

    /// Returns `path` from the crate root if it begins with `crate`, `self`, `super` or a child.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let (first, mut rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Module::new(),
            "self" => self.module.clone(),
            "super" => self.module.split_last()?.1.to_vec(),
            child if self.children.contains(child) => [&self.module[..], &path[..1]].concat(),
            _ => return None,
        };
        while let Some(("super", after)) = rest.split_first().map(|(f, r)| (f.as_str(), r)) {
            base.pop()?;
            rest = after;
        }
        Some([base, rest.to_vec()].concat())
    }

    fn note_use(&mut self, tree: &UseTree, before: &[String], passed_on: bool) {
        match tree {
            UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                self.note_use(&path.tree, &before, passed_on);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_use(tree, before, passed_on);
                }
            }
            UseTree::Name(name) if name.ident == "self" => {
                let local = before.last().cloned().unwrap_or_default();
                self.note(before, passed_on.then_some(local));
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                let path = [before, std::slice::from_ref(&name)].concat();
                self.note(&path, passed_on.then_some(name));
            }
            UseTree::Rename(rename) => {
                let path = [before, &[rename.ident.to_string()]].concat();
                self.note(&path, passed_on.then(|| rename.rename.to_string()));
            }
            UseTree::Glob(_) => self.note(before, None),
        }
    }

    fn note(&mut self, path: &[String], passed_on_as: Option<String>) {
        let Some(path) = self.absolute(path) else {
            return;
        };
        if let Some(name) = passed_on_as {
            self.reexports.insert(name, path.clone());
        }
        self.paths.insert(path);
    }
}

impl<'ast> Visit<'ast> for File {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let passed_on = !matches!(item.vis, Visibility::Inherited);
        self.note_use(&item.tree, &[], passed_on);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.note(&names, None);
        visit::visit_path(self, path);
    }
}

fn declared(item: &Item) -> Option<String> {
    let Item::Mod(module) = item else {
        return None;
    };
    Some(module.ident.to_string())
}

/// Returns the attributes of an item; empty for item types that are never test-only here.
fn attributes(item: &Item) -> &[Attribute] {
    if let Item::Fn(item) = item {
        &item.attrs
    } else if let Item::Impl(item) = item {
        &item.attrs
    } else if let Item::Mod(item) = item {
        &item.attrs
    } else if let Item::Use(item) = item {
        &item.attrs
    } else {
        &[]
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    list.path.is_ident("cfg") && list.tokens.to_string() == "test"
}

/// Returns the name of the module in `file`, a path below the crate's sources. `None` for tests, which belong to the
/// file that they test, and for programs.
fn module(file: &Path) -> Option<Module> {
    let names = file.with_extension("");
    let names: Module = names
        .iter()
        .map(|n| n.to_string_lossy().into_owned())
        .collect();
    let left_out = |n: &String| n == "tests" || n.ends_with("_tests") || n == "main";
    if names.iter().any(left_out) {
        return None;
    }
    Some(if names == ["lib"] {
        Module::new()
    } else {
        names
    })
}
