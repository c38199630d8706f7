//! What a role may do: call, register, publish and subscribe, by URI.

use std::collections::HashMap;

use crate::messages::Match;

/// What a session may want to do with a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Call a procedure.
    Call,
    /// Register a procedure.
    Register,
    /// Publish to a topic.
    Publish,
    /// Subscribe to a topic.
    Subscribe,
}

/// A rule: what is allowed for the URIs that a pattern matches.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The pattern.
    pub uri: String,
    /// How it is compared.
    pub match_policy: Match,
    /// What is allowed there; everything else is not.
    pub allow: Vec<Action>,
}

/// The rules of a role. What no rule matches is not allowed; where several match, the most specific
/// decides: an exact one, else the longest prefix, else the wildcard that is exact for longest.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    rules: Vec<Rule>,
}

impl Permissions {
    /// From its rules; their order does not matter.
    pub fn new(rules: Vec<Rule>) -> Self {
        Permissions { rules }
    }

    /// Everything but the router's own procedures that end sessions.
    pub fn all() -> Self {
        use Action::{Call, Publish, Register, Subscribe};
        let everything = Rule {
            uri: String::new(),
            match_policy: Match::Prefix,
            allow: vec![Call, Register, Publish, Subscribe],
        };
        Permissions::new(vec![everything])
    }

    /// Whether a URI may be used so.
    pub fn allow(&self, action: Action, uri: &str) -> bool {
        self.rule_for(uri)
            .is_some_and(|rule| rule.allow.contains(&action))
    }

    /// The same, where the rule has to name the URI's first component itself: `wamp`.
    pub(super) fn allow_named(&self, action: Action, uri: &str) -> bool {
        self.rule_for(uri)
            .is_some_and(|rule| rule.uri.starts_with("wamp.") && rule.allow.contains(&action))
    }

    fn rule_for(&self, uri: &str) -> Option<&Rule> {
        self.rules
            .iter()
            .filter(|rule| rule.match_policy.matches(&rule.uri, uri))
            .max_by_key(|rule| rule.rank())
    }

    /// Whether a pattern may be registered or subscribed:
    /// every URI that it can match must be allowed.
    pub fn allow_pattern(&self, action: Action, pattern: &str, match_policy: Match) -> bool {
        if match_policy == Match::Exact {
            return self.allow(action, pattern);
        }
        let covered = self
            .rules
            .iter()
            .any(|rule| rule.covers(pattern, match_policy) && rule.allow.contains(&action));
        let denied = self
            .rules
            .iter()
            .any(|rule| !rule.allow.contains(&action) && rule.overlaps(pattern, match_policy));
        covered && !denied
    }
}

impl Rule {
    /// How specific it is: the way of match_policy, then how much of the URI it gives.
    fn rank(&self) -> (u8, usize, Vec<bool>) {
        match self.match_policy {
            Match::Exact => (2, 0, Vec::new()),
            Match::Prefix => (1, self.uri.len(), Vec::new()),
            Match::Wildcard => {
                let given = self.uri.split('.').map(|part| !part.is_empty());
                (0, 0, given.collect())
            }
        }
    }

    /// Whether it matches every URI that the pattern matches.
    fn covers(&self, pattern: &str, match_policy: Match) -> bool {
        match (self.match_policy, match_policy) {
            (Match::Exact, _) => self.uri == pattern && match_policy == Match::Exact,
            (Match::Prefix, _) => literal_head(pattern, match_policy).starts_with(&self.uri),
            (Match::Wildcard, Match::Prefix) => false,
            (Match::Wildcard, _) => Match::Wildcard.matches(&self.uri, pattern),
        }
    }

    /// Whether there may be a URI that both match. Says yes where it cannot tell.
    fn overlaps(&self, pattern: &str, match_policy: Match) -> bool {
        match self.match_policy {
            Match::Exact => match_policy.matches(pattern, &self.uri),
            _ => {
                let one = literal_head(&self.uri, self.match_policy);
                let other = literal_head(pattern, match_policy);
                one.starts_with(other) || other.starts_with(one)
            }
        }
    }
}

/// The text that every URI begins with that the pattern matches.
fn literal_head(pattern: &str, match_policy: Match) -> &str {
    if match_policy != Match::Wildcard {
        return pattern;
    }
    if pattern.starts_with('.') || pattern.is_empty() {
        return "";
    }
    let end = pattern.find("..").map(|at| at + 1);
    end.map_or(pattern, |end| &pattern[..end])
}

/// The permissions of each role of a realm, by the role's name.
pub type Roles = HashMap<String, Permissions>;

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(uri: &str, match_policy: Match, allow: &[Action]) -> Rule {
        Rule {
            uri: uri.to_string(),
            match_policy,
            allow: allow.to_vec(),
        }
    }

    #[test]
    fn the_most_specific_rule_decides_and_no_rule_is_no_right() {
        let permissions = Permissions::new(vec![
            rule("com.", Match::Prefix, &[Action::Call, Action::Subscribe]),
            rule("com.secret.", Match::Prefix, &[]),
            rule("com.secret.but", Match::Exact, &[Action::Call]),
            rule("org..get", Match::Wildcard, &[Action::Call]),
        ]);
        assert!(permissions.allow(Action::Call, "com.add"));
        assert!(!permissions.allow(Action::Register, "com.add"));
        assert!(!permissions.allow(Action::Call, "com.secret.x"));
        assert!(permissions.allow(Action::Call, "com.secret.but"));
        assert!(permissions.allow(Action::Call, "org.shop.get"));
        assert!(!permissions.allow(Action::Call, "org.shop.put"));
        assert!(!permissions.allow(Action::Call, "net.add"));
    }

    #[test]
    fn a_pattern_needs_the_right_for_all_that_it_matches() {
        let permissions = Permissions::new(vec![
            rule("com.", Match::Prefix, &[Action::Subscribe]),
            rule("com.secret", Match::Exact, &[]),
        ]);
        let allow = |pattern, match_policy| {
            permissions.allow_pattern(Action::Subscribe, pattern, match_policy)
        };
        assert!(allow("com.shop.", Match::Prefix));
        assert!(!allow("com.", Match::Prefix));
        assert!(!allow("com.sec", Match::Prefix));
        assert!(!allow("", Match::Wildcard));
        assert!(!allow("com.", Match::Wildcard));
        assert!(allow("com.shop.", Match::Wildcard));
        assert!(!allow(".secret", Match::Wildcard));
        assert!(!allow("co", Match::Prefix));
        assert!(Permissions::all().allow_pattern(Action::Subscribe, "..", Match::Wildcard));
    }
}
