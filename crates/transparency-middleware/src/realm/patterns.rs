//! What is registered or subscribed, found by the URI of a call or of a publication.
//!
//! Patterns that do not match cost nothing, as far as that can be had:
//! an exact URI is one look-up, prefixes are one look-up for each
//! length that some prefix has, and wildcards are a trie of components.

use std::collections::BTreeMap;

use super::Map;
use crate::messages::{Id, Match, Uri};

/// The most components of a wildcard pattern.
pub(super) const MAX_COMPONENTS: usize = 32;

/// The most nodes of a realm's trie of wildcards: a URI is compared with each of them at worst.
pub(super) const MAX_NODES: usize = 20_000;

/// The ids of registrations or subscriptions by their URI and way of match_policy.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    exact: Map<Uri, Id>,
    prefix: Map<Uri, Id>,
    /// How many prefixes have each length.
    lengths: BTreeMap<usize, usize>,
    wildcard: Node,
    /// The nodes below the trie's root.
    nodes: usize,
    /// How many wildcards there are.
    #[cfg(test)]
    wildcards: usize,
}

/// Where the patterns are that begin with the same components.
#[derive(Debug, Default)]
struct Node {
    /// The pattern that ends here.
    id: Option<Id>,
    /// Patterns whose next component is this one.
    given: Map<Box<str>, Node>,
    /// Patterns whose next component is empty: it matches any.
    any: Option<Box<Node>>,
}

/// How many components a URI has.
pub(super) fn components(uri: &str) -> usize {
    uri.bytes().filter(|byte| *byte == b'.').count() + 1
}

impl Patterns {
    pub(super) fn get(&self, uri: &Uri, match_policy: Match) -> Option<Id> {
        match match_policy {
            Match::Exact => self.exact.get(uri).copied(),
            Match::Prefix => self.prefix.get(uri).copied(),
            Match::Wildcard => {
                let mut components = uri.as_str().split('.');
                let node = components.try_fold(&self.wildcard, |node, component| match component {
                    "" => node.any.as_deref(),
                    given => node.given.get(given),
                });
                node?.id
            }
        }
    }

    /// Whether one more wildcard with so many components may come.
    pub(super) fn has_room(&self, components: usize) -> bool {
        self.nodes + components <= MAX_NODES
    }

    pub(super) fn insert(&mut self, uri: Uri, match_policy: Match, id: Id) {
        match match_policy {
            Match::Exact => {
                self.exact.insert(uri, id);
            }
            Match::Prefix => {
                *self.lengths.entry(uri.as_str().len()).or_default() += 1;
                self.prefix.insert(uri, id);
            }
            Match::Wildcard => {
                let mut node = &mut self.wildcard;
                for component in uri.as_str().split('.') {
                    let nodes = &mut self.nodes;
                    let mut new = || {
                        *nodes += 1;
                        Node::default()
                    };
                    node = match component {
                        "" => node.any.get_or_insert_with(|| Box::new(new())),
                        given => node.given.entry(given.into()).or_insert_with(new),
                    };
                }
                node.id = Some(id);
                #[cfg(test)]
                {
                    self.wildcards += 1;
                }
            }
        }
    }

    pub(super) fn remove(&mut self, uri: &Uri, match_policy: Match) {
        match match_policy {
            Match::Exact => {
                self.exact.remove(uri);
            }
            Match::Prefix => {
                let length = uri.as_str().len();
                if self.prefix.remove(uri).is_some()
                    && let Some(count) = self.lengths.get_mut(&length)
                {
                    *count -= 1;
                    if *count == 0 {
                        self.lengths.remove(&length);
                    }
                }
            }
            Match::Wildcard => {
                #[cfg(test)]
                if self.get(uri, match_policy).is_some() {
                    self.wildcards -= 1;
                }
                self.wildcard
                    .remove(uri.as_str().split('.'), &mut self.nodes);
            }
        }
    }

    /// All that match. Gives how many look-ups that took.
    pub(super) fn all(&self, uri: &str, mut found: impl FnMut(Id)) -> usize {
        if let Some(id) = self.exact.get(uri) {
            found(*id);
        }
        let mut steps = 1;
        for id in self.prefixes(uri, &mut steps) {
            found(id);
        }
        self.wildcards(uri, &mut steps, |id| {
            found(id);
            true
        });
        steps
    }

    /// The one that gets a call: the exact one, else the longest prefix, else
    /// the wildcard that is exact for longest (specification, "Pattern-based
    /// Registrations", conflicts). And how many look-ups that took.
    pub(super) fn best(&self, uri: &str) -> (Option<Id>, usize) {
        if let Some(id) = self.exact.get(uri) {
            return (Some(*id), 1);
        }
        let mut steps = 1;
        let mut best = self.prefixes(uri, &mut steps).next();
        if best.is_none() {
            // A given component is looked up before an empty
            // one: the first that is found is given for longest.
            self.wildcards(uri, &mut steps, |id| {
                best = Some(id);
                false
            });
        }
        (best, steps)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.exact.len() + self.prefix.len() + self.wildcards
    }

    /// The patterns that a URI begins with, the longest first.
    fn prefixes(&self, uri: &str, steps: &mut usize) -> impl Iterator<Item = Id> {
        self.lengths
            .range(..=uri.len())
            .rev()
            .inspect(|_| *steps += 1)
            // No pattern ends within a character.
            .filter_map(|(length, _)| self.prefix.get(uri.get(..*length)?).copied())
    }

    /// The wildcards that match, the most specific first, until `found` says `false`.
    fn wildcards(&self, uri: &str, steps: &mut usize, mut found: impl FnMut(Id) -> bool) {
        let is_long = || components(uri) > MAX_COMPONENTS;
        if self.nodes == 0 || is_long() {
            return;
        }
        let mut places = vec![(&self.wildcard, Some(uri))];
        while let Some((node, rest)) = places.pop() {
            *steps += 1;
            let Some(rest) = rest else {
                if node.id.is_some_and(|id| !found(id)) {
                    return;
                }
                continue;
            };
            let (component, rest) = match rest.split_once('.') {
                Some((component, rest)) => (component, Some(rest)),
                None => (rest, None),
            };
            // The last one is looked at first.
            places.extend(node.any.as_deref().map(|node| (node, rest)));
            places.extend(node.given.get(component).map(|node| (node, rest)));
        }
    }
}

impl Node {
    /// Takes a pattern out, and the nodes that lead to no other.
    fn remove<'a>(&mut self, mut components: impl Iterator<Item = &'a str>, nodes: &mut usize) {
        match components.next() {
            None => self.id = None,
            Some("") => {
                if let Some(next) = &mut self.any {
                    next.remove(components, nodes);
                    if next.is_empty() {
                        self.any = None;
                        *nodes -= 1;
                    }
                }
            }
            Some(given) => {
                if let Some(next) = self.given.get_mut(given) {
                    next.remove(components, nodes);
                    if next.is_empty() {
                        self.given.remove(given);
                        *nodes -= 1;
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.id.is_none() && self.given.is_empty() && self.any.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> Id {
        Id::new(number).unwrap()
    }

    fn patterns(entries: &[(&str, Match)]) -> Patterns {
        let mut patterns = Patterns::default();
        for ((text, match_policy), number) in entries.iter().zip(1..) {
            let uri = Uri::pattern(text, *match_policy).unwrap();
            patterns.insert(uri, *match_policy, id(number));
        }
        patterns
    }

    #[test]
    fn exact_comes_before_the_longest_prefix_before_the_most_specific_wildcard() {
        let patterns = patterns(&[
            ("a.b.c", Match::Exact),
            ("a.b", Match::Prefix),
            ("a.", Match::Prefix),
            ("x..z", Match::Wildcard),
            ("x.y.", Match::Wildcard),
            ("..", Match::Wildcard),
        ]);
        for (uri, wanted) in [
            ("a.b.c", Some(1)),
            ("a.b.d", Some(2)),
            ("a.bb", Some(2)),
            ("a.c", Some(3)),
            ("x.y.z", Some(5)),
            ("x.x.z", Some(4)),
            ("q.q.q", Some(6)),
            ("q.q", None),
        ] {
            assert_eq!(patterns.best(uri).0, wanted.map(id), "{uri}");
        }
    }

    #[test]
    fn patterns_that_do_not_match_cost_nothing() {
        let mut patterns = Patterns::default();
        let mut add = |text: &str, match_policy, number| {
            let uri = Uri::pattern(text, match_policy).unwrap();
            patterns.insert(uri, match_policy, id(number));
        };
        add("a.b.c", Match::Prefix, 1);
        add("a..c", Match::Wildcard, 2);
        for number in 3..5000 {
            add(&format!("other.{number:05}"), Match::Prefix, number);
            add(&format!("other..{number}"), Match::Wildcard, number);
            add(
                &format!("..other{number}"),
                Match::Wildcard,
                10_000 + number,
            );
        }
        let mut found = Vec::new();
        let steps = patterns.all("a.b.c", |id| found.push(id.get()));
        assert_eq!(found, [1, 2]);
        assert!(steps < 20, "{steps} look-ups");
    }

    fn matchings() -> impl Strategy<Value = Match> {
        prop::sample::select(vec![Match::Exact, Match::Prefix, Match::Wildcard])
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_a_search_through_all_finds(
            texts in prop::collection::hash_set(("[ab]{0,2}(\\.[aé]{0,2}){0,3}", matchings()), 0..20),
            uri in "[ab]{1,2}(\\.[aé]{1,2}){0,3}",
        ) {
            let mut patterns = Patterns::default();
            let mut wanted = Vec::new();
            let mut best_prefix = None::<(usize, Id)>;
            for ((text, match_policy), number) in texts.iter().zip(1..) {
                let Some(pattern) = Uri::pattern(text, *match_policy) else { continue };
                patterns.insert(pattern.clone(), *match_policy, id(number));
                if match_policy.matches(text, &uri) {
                    wanted.push(id(number));
                    if *match_policy == Match::Prefix {
                        best_prefix = best_prefix.max(Some((text.len(), id(number))));
                    }
                }
                prop_assert_eq!(patterns.get(&pattern, *match_policy), Some(id(number)));
            }
            let mut found = Vec::new();
            patterns.all(&uri, |id| found.push(id));
            found.sort_unstable();
            wanted.sort_unstable();
            prop_assert_eq!(&found, &wanted);
            let best = patterns.best(&uri).0;
            prop_assert_eq!(best.is_some(), !wanted.is_empty());
            let exact = Uri::new(&uri).and_then(|uri| patterns.get(&uri, Match::Exact));
            match (exact, best_prefix) {
                (Some(_), _) => prop_assert_eq!(best, exact),
                (None, Some((_, longest))) => prop_assert_eq!(best, Some(longest)),
                _ => {}
            }
            for (text, match_policy) in &texts {
                if let Some(pattern) = Uri::pattern(text, *match_policy) {
                    patterns.remove(&pattern, *match_policy);
                }
            }
            prop_assert_eq!((patterns.len(), patterns.nodes), (0, 0));
            prop_assert!(patterns.lengths.is_empty() && patterns.wildcard.is_empty());
        }
    }
}
