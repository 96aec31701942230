//! The automaton of Aho and Corasick: it takes a text byte by byte and says which pattern ends there.
//!
//! The crate `aho-corasick` was weighed: most of it is search for other purposes. It makes the binary 4 % larger, and
//! building it takes as long as 4 % of a whole call. This one takes 24 bytes for each byte of a pattern.

use std::collections::VecDeque;

use zeroize::Zeroize as _;

/// A state with more children than this finds them in a table.
const FEW: usize = 4;

/// Where the automaton is in its patterns; 0 is the start.
pub type State = u32;

/// Patterns, ready to be looked for.
pub struct Automaton {
    nodes: Vec<Node>,
    /// The children of nodes that have many, by their byte.
    tables: Vec<[State; 256]>,
    /// The length of the longest pattern.
    longest: usize,
}

/// A beginning of patterns.
#[derive(Clone, Copy, Default)]
struct Node {
    /// The first child: this beginning and one more byte.
    child: State,
    /// The next child of the same parent.
    sibling: State,
    /// Its longest end that is a beginning, too.
    fallback: State,
    /// How long the longest pattern is that ends here; 0 means none.
    longest: u32,
    /// The number of its table and 1; 0 means none.
    table: u32,
    /// The last byte.
    byte: u8,
    /// How long it is when it is a pattern that counts only as the whole text; 0 means none.
    whole: u16,
}

impl Automaton {
    /// Prepares patterns: each with whether it counts only as the whole text.
    pub fn new<'p>(patterns: impl Iterator<Item = (&'p str, bool)> + Clone) -> Automaton {
        let bytes: usize = patterns.clone().map(|(pattern, _)| pattern.len()).sum();
        let longest = patterns.clone().map(|(pattern, _)| pattern.len()).max().unwrap_or_default();
        let mut automaton = Automaton { nodes: Vec::with_capacity(bytes + 1), tables: Vec::new(), longest };
        automaton.nodes.push(Node::default());
        for (pattern, whole) in patterns {
            automaton.add(pattern, whole);
        }
        automaton.connect();
        automaton
    }

    fn add(&mut self, pattern: &str, whole: bool) {
        let mut state = 0;
        for byte in pattern.bytes() {
            let child = self.child(state, byte);
            state = if child > 0 { child } else { self.grow(state, byte) };
        }
        if let Some(node) = self.nodes.get_mut(state as usize) {
            match whole {
                true => node.whole = u16::try_from(pattern.len()).unwrap_or_default(),
                false => node.longest = u32::try_from(pattern.len()).unwrap_or(u32::MAX),
            }
        }
    }

    /// Adds a child.
    fn grow(&mut self, parent: State, byte: u8) -> State {
        // There are less than 2^32: patterns are some KiB long.
        let state = self.nodes.len() as State;
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            let sibling = std::mem::replace(&mut parent.child, state);
            self.nodes.push(Node { byte, sibling, ..Node::default() });
        }
        state
    }

    /// Finds the fallback of each node, those of shorter beginnings first, and makes the tables.
    fn connect(&mut self) {
        let mut queue = VecDeque::from([0]);
        while let Some(state) = queue.pop_front() {
            let parent = self.node(state);
            let mut children = 0;
            let mut next = parent.child;
            while next > 0 {
                let child = self.node(next);
                let fallback = if state == 0 { 0 } else { self.next(parent.fallback, child.byte) };
                let longest = child.longest.max(self.node(fallback).longest);
                if let Some(node) = self.nodes.get_mut(next as usize) {
                    *node = Node { fallback, longest, ..child };
                }
                queue.push_back(next);
                children += 1;
                next = child.sibling;
            }
            if state == 0 || children > FEW {
                let mut table = [0; 256];
                for child in self.children(parent) {
                    if let Some(entry) = table.get_mut(usize::from(self.node(child).byte)) {
                        *entry = child;
                    }
                }
                self.tables.push(table);
                if let Some(node) = self.nodes.get_mut(state as usize) {
                    node.table = self.tables.len() as u32;
                }
            }
        }
    }

    /// The length of the longest pattern, in bytes.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Takes one more byte of a text.
    #[inline]
    pub fn next(&self, mut state: State, byte: u8) -> State {
        loop {
            let child = self.child(state, byte);
            if child > 0 || state == 0 {
                return child;
            }
            state = self.node(state).fallback;
        }
    }

    /// How long the longest pattern is that ends here, if one does.
    #[inline]
    pub fn found(&self, state: State) -> Option<usize> {
        let longest = self.node(state).longest;
        (longest > 0).then_some(longest as usize)
    }

    /// Whether a text that ends here and is so many bytes long is a pattern that counts only as the whole text.
    pub fn is_whole(&self, state: State, length: usize) -> bool {
        length > 0 && usize::from(self.node(state).whole) == length
    }

    #[inline]
    fn child(&self, state: State, byte: u8) -> State {
        let node = self.node(state);
        match (node.table as usize).checked_sub(1).and_then(|table| self.tables.get(table)) {
            Some(table) => table.get(usize::from(byte)).copied().unwrap_or(0),
            None => self.children(node).find(|child| self.node(*child).byte == byte).unwrap_or(0),
        }
    }

    fn children(&self, node: Node) -> impl Iterator<Item = State> {
        let some = |state: State| (state > 0).then_some(state);
        std::iter::successors(some(node.child), move |child| some(self.node(*child).sibling))
    }

    #[inline]
    fn node(&self, state: State) -> Node {
        self.nodes.get(state as usize).copied().unwrap_or_default()
    }
}

impl Drop for Automaton {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.byte.zeroize());
    }
}
