//! The largest strongly connected part of a directed graph.
//!
//! Kosaraju's two passes with an explicit stack: a street network is far deeper than a thread's stack.

/// Marks the nodes of the largest strongly connected part; of equal ones the first found.
pub(crate) fn largest_component(nodes: usize, arcs: &[(u32, u32)]) -> Vec<bool> {
    let forward = Adjacency::new(nodes, arcs.iter().copied());
    let backward = Adjacency::new(nodes, arcs.iter().map(|&(tail, head)| (head, tail)));
    let mut component = vec![u32::MAX; nodes];
    let mut sizes: Vec<usize> = Vec::new();
    for &root in finishing_order(&forward).iter().rev() {
        if component[root as usize] != u32::MAX {
            continue;
        }
        let number = u32::try_from(sizes.len()).expect("there are no more parts than nodes");
        let mut size = 0;
        let mut stack = vec![root];
        component[root as usize] = number;
        while let Some(node) = stack.pop() {
            size += 1;
            for &next in backward.of(node) {
                if component[next as usize] == u32::MAX {
                    component[next as usize] = number;
                    stack.push(next);
                }
            }
        }
        sizes.push(size);
    }
    let largest =
        sizes.iter().enumerate().max_by_key(|(at, size)| (**size, std::cmp::Reverse(*at))).map(|(at, _)| at);
    component.iter().map(|&number| Some(number as usize) == largest).collect()
}

/// Nodes in the order in which a depth-first search leaves them.
fn finishing_order(graph: &Adjacency) -> Vec<u32> {
    let mut order = Vec::with_capacity(graph.nodes());
    let mut seen = vec![false; graph.nodes()];
    let mut stack: Vec<(u32, usize)> = Vec::new();
    for root in 0..u32::try_from(graph.nodes()).expect("nodes are numbered by u32") {
        if std::mem::replace(&mut seen[root as usize], true) {
            continue;
        }
        stack.push((root, 0));
        while let Some((node, at)) = stack.last_mut() {
            if let Some(&next) = graph.of(*node).get(*at) {
                *at += 1;
                if !std::mem::replace(&mut seen[next as usize], true) {
                    stack.push((next, 0));
                }
            } else {
                order.push(*node);
                stack.pop();
            }
        }
    }
    order
}

/// Heads of each node's arcs, packed.
struct Adjacency {
    first_out: Vec<usize>,
    heads: Vec<u32>,
}

impl Adjacency {
    fn new(nodes: usize, arcs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut first_out = vec![0; nodes + 1];
        for (tail, _) in arcs.clone() {
            first_out[tail as usize + 1] += 1;
        }
        for node in 0..nodes {
            first_out[node + 1] += first_out[node];
        }
        let mut slot = first_out.clone();
        let mut heads = vec![0; first_out[nodes]];
        for (tail, head) in arcs {
            heads[slot[tail as usize]] = head;
            slot[tail as usize] += 1;
        }
        Self { first_out, heads }
    }

    fn nodes(&self) -> usize {
        self.first_out.len() - 1
    }

    fn of(&self, node: u32) -> &[u32] {
        &self.heads[self.first_out[node as usize]..self.first_out[node as usize + 1]]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reachable(nodes: usize, arcs: &[(u32, u32)], from: usize) -> Vec<bool> {
        let mut seen = vec![false; nodes];
        seen[from] = true;
        for _ in 0..nodes {
            for &(tail, head) in arcs {
                if seen[tail as usize] {
                    seen[head as usize] = true;
                }
            }
        }
        seen
    }

    #[test]
    fn a_one_way_chain_holds_no_pair() {
        assert_eq!(largest_component(3, &[(0, 1), (1, 2)]).iter().filter(|kept| **kept).count(), 1);
        assert!(largest_component(0, &[]).is_empty());
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let arcs: Vec<(u32, u32)> =
            (0..300_000).flat_map(|node| [(node, node + 1), (node + 1, node)]).collect();
        assert!(largest_component(300_001, &arcs).iter().all(|kept| *kept));
    }

    proptest! {
        #[test]
        fn kept_nodes_reach_each_other_and_no_part_is_larger(
            arcs in prop::collection::vec((0_u32..12, 0_u32..12), 0..40)
        ) {
            let kept = largest_component(12, &arcs);
            let reach: Vec<Vec<bool>> = (0..12).map(|node| reachable(12, &arcs, node)).collect();
            let part_of = |node: usize| (0..12).filter(|&other| reach[node][other] && reach[other][node]).count();
            let size = kept.iter().filter(|kept| **kept).count();
            for node in 0..12 {
                prop_assert!(part_of(node) <= size);
                for other in 0..12 {
                    if kept[node] && kept[other] {
                        prop_assert!(reach[node][other]);
                    }
                }
            }
        }
    }
}
