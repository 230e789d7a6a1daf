//! What a comparison found.

use std::fmt;

use super::Basis;

/// What a comparison of two contracts found.
///
/// Shown with `{}`, it has one line for each difference.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What was compared. With [`Basis::Names`], types may differ without a word.
    pub basis: Basis,
    /// What differs, in the order of the client's methods.
    pub differences: Vec<Difference>,
}

/// One difference between two contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The method's name on the wire; empty if it is about the whole service.
    pub method: String,
    /// The path to what differs, such as `parameters.name` or `result.items`; empty if it is about the whole method.
    pub place: String,
    /// Whether calls break by it.
    pub impact: Impact,
    /// What differs, for humans.
    pub message: String,
}

/// Whether calls break by a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Impact {
    /// What one side may write, the other can read.
    Compatible,
    /// Some calls fail, or it cannot be told that none do.
    Breaking,
}

impl Report {
    /// Whether no difference is breaking.
    pub fn is_compatible(&self) -> bool {
        self.differences.iter().all(|difference| difference.impact == Impact::Compatible)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_compatible() { "compatible" } else { "breaking" };
        let basis = match self.basis {
            Basis::Schema => "compared by schema",
            Basis::Names => "compared by names only, types were not compared",
        };
        write!(f, "{verdict}, {basis}")?;
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = [self.method.as_str(), self.place.as_str()];
        let path: Vec<_> = path.into_iter().filter(|part| !part.is_empty()).collect();
        write!(f, "{}: ", self.impact)?;
        if !path.is_empty() {
            write!(f, "{}: ", path.join(" "))?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Impact::Compatible => "compatible",
            Impact::Breaking => "breaking",
        })
    }
}
