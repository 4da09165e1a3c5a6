//! Rectangles within a picture.

/// Rectangle within a picture, in pixels from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
}

impl Region {
    pub(crate) fn new(left: i32, top: i32, width: i32, height: i32) -> Self {
        Self {
            left,
            top,
            width,
            height,
        }
    }

    #[cfg(test)]
    pub(crate) fn contains(self, other: Self) -> bool {
        other.left >= self.left
            && other.top >= self.top
            && other.left + other.width <= self.left + self.width
            && other.top + other.height <= self.top + self.height
    }

    #[cfg(test)]
    pub(crate) fn overlaps(self, other: Self) -> bool {
        other.left < self.left + self.width
            && self.left < other.left + other.width
            && other.top < self.top + self.height
            && self.top < other.top + other.height
    }
}
