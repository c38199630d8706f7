//! What is registered or subscribed, found by the URI of a call or of a publication.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Map;
use crate::messages::{Id, Match, Uri};

/// The ids of registrations or subscriptions by their URI and way of match_policy.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    exact: Map<Uri, Id>,
    prefix: BTreeMap<Uri, Id>,
    /// By the number of components: only patterns with as many as the URI can match.
    wildcard: BTreeMap<(usize, Uri), Id>,
}

fn components(uri: &str) -> usize {
    uri.split('.').count()
}

impl Patterns {
    pub(super) fn get(&self, uri: &Uri, match_policy: Match) -> Option<Id> {
        match match_policy {
            Match::Exact => self.exact.get(uri).copied(),
            Match::Prefix => self.prefix.get(uri).copied(),
            Match::Wildcard => {
                let key = (components(uri.as_str()), uri.clone());
                self.wildcard.get(&key).copied()
            }
        }
    }

    pub(super) fn insert(&mut self, uri: Uri, match_policy: Match, id: Id) {
        match match_policy {
            Match::Exact => self.exact.insert(uri, id),
            Match::Prefix => self.prefix.insert(uri, id),
            Match::Wildcard => self.wildcard.insert((components(uri.as_str()), uri), id),
        };
    }

    pub(super) fn remove(&mut self, uri: &Uri, match_policy: Match) {
        match match_policy {
            Match::Exact => self.exact.remove(uri),
            Match::Prefix => self.prefix.remove(uri),
            Match::Wildcard => {
                let key = (components(uri.as_str()), uri.clone());
                self.wildcard.remove(&key)
            }
        };
    }

    /// All that match.
    pub(super) fn all(&self, uri: &str, mut found: impl FnMut(Id)) {
        if let Some(id) = self.exact.get(uri) {
            found(*id);
        }
        self.prefixes(uri, |id| {
            found(id);
            true
        });
        for (_, id) in self.wildcards(uri) {
            found(id);
        }
    }

    /// The one that gets a call: the exact one, else the longest prefix, else the wildcard that is exact for
    /// longest (specification, "Pattern-based Registrations", conflicts).
    pub(super) fn best(&self, uri: &str) -> Option<Id> {
        if let Some(id) = self.exact.get(uri) {
            return Some(*id);
        }
        let mut longest = None;
        self.prefixes(uri, |id| {
            longest = Some(id);
            false
        });
        longest.or_else(|| {
            self.wildcards(uri)
                .max_by_key(|(pattern, _)| specificity(pattern.as_str()))
                .map(|(_, id)| id)
        })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.exact.len() + self.prefix.len() + self.wildcard.len()
    }

    /// The patterns that a URI begins with, the longest first, until `found` says `false`.
    fn prefixes(&self, uri: &str, mut found: impl FnMut(Id) -> bool) {
        if self.prefix.is_empty() {
            return;
        }
        let mut rest = uri;
        loop {
            // In order of text, all that `rest` begins with stand before it, the longest last; between them
            // may stand others. The greatest one tells how far on to look.
            let range = (Bound::Unbounded, Bound::Included(rest));
            let Some((pattern, id)) = self.prefix.range::<str, _>(range).next_back() else {
                return;
            };
            let shared = shared_length(pattern.as_str(), rest);
            if shared == pattern.as_str().len() {
                if !found(*id) || shared == 0 {
                    return;
                }
                // The next one is shorter.
                let last = rest[..shared].chars().next_back().map_or(1, char::len_utf8);
                rest = &rest[..shared - last];
            } else {
                rest = &rest[..shared];
            }
        }
    }

    fn wildcards<'a>(&'a self, uri: &'a str) -> impl Iterator<Item = (&'a Uri, Id)> {
        let count = if self.wildcard.is_empty() {
            0
        } else {
            components(uri)
        };
        // The empty text is the least of all.
        let least = Uri::pattern("", Match::Wildcard).map(|least| (count, least));
        least
            .into_iter()
            .flat_map(move |least| self.wildcard.range(least..))
            .take_while(move |((number, _), _)| *number == count)
            .filter(move |((_, pattern), _)| Match::Wildcard.matches(pattern.as_str(), uri))
            .map(|((_, pattern), id)| (pattern, *id))
    }
}

/// How many bytes two texts begin with together, a whole number of characters.
fn shared_length(one: &str, other: &str) -> usize {
    let mut chars = one.char_indices().zip(other.chars());
    let differs = chars.find(|((_, a), b)| a != b);
    differs.map_or(one.len().min(other.len()), |((at, _), _)| at)
}

/// Which components are given: the first in which two patterns differ decides.
fn specificity(pattern: &str) -> Vec<bool> {
    pattern.split('.').map(|part| !part.is_empty()).collect()
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
            assert_eq!(patterns.best(uri), wanted.map(id), "{uri}");
        }
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
            let best = patterns.best(&uri);
            prop_assert_eq!(best.is_some(), !wanted.is_empty());
            let exact = Uri::new(&uri).and_then(|uri| patterns.get(&uri, Match::Exact));
            match (exact, best_prefix) {
                (Some(_), _) => prop_assert_eq!(best, exact),
                (None, Some((_, longest))) => prop_assert_eq!(best, Some(longest)),
                _ => {}
            }
        }
    }
}
