//! Line charts in SVG: ratios to B over the calls in flight, one line for each peer.

use std::ops::Range;

use plotters::coord::combinators::BindKeyPoints;
use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, IntoFont, LineSeries, PathElement, RGBColor, SVGBackend,
    ShapeStyle, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Result;
use crate::peers::PeerName;

/// Pixels.
const SIZE: (u32, u32) = (920, 500);

/// What is kept free at the right, where each line has its name.
const NAMES_WIDTH: u32 = 230;

/// How far apart names are, at least.
const NAME_HEIGHT: i32 = 19;

/// How long a doubling is on an axis, whose places are whole numbers.
const DOUBLING: i32 = 1000;

const FONT: &str = "Helvetica, Arial, sans-serif";

const TEXT: RGBColor = RGBColor(40, 40, 40);

const GRID: RGBColor = RGBColor(222, 222, 222);

/// Ratios of some peers over the calls in flight; both axes double at equal steps.
pub(crate) struct Chart {
    pub(crate) title: String,
    /// What the ratio is of, and to what.
    pub(crate) ratio_of: &'static str,
    /// What is drawn last lies on top.
    pub(crate) lines: Vec<Line>,
}

/// A peer, and its ratio at each number of calls in flight.
pub(crate) struct Line {
    pub(crate) peer: PeerName,
    pub(crate) points: Vec<(usize, f64)>,
}

/// The name of a line, and where it ends, in pixels.
struct Name {
    text: String,
    style: ShapeStyle,
    end: (i32, i32),
    /// Where the name is drawn, which is not where the line ends if another name is there.
    y: i32,
}

impl Chart {
    /// The chart as the text of an SVG file.
    pub(crate) fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        self.draw(SVGBackend::with_string(&mut svg, SIZE))
            .map_err(|error| format!("drawing a chart: {error}"))?;
        Ok(svg)
    }

    fn draw(&self, backend: SVGBackend<'_>) -> Result<()> {
        let root = backend.into_drawing_area();
        root.fill(&WHITE)?;
        let (xs, ys) = (self.axis(|point| point.0 as f64), self.axis(|point| point.1));
        let text = |size: u32| (FONT, size).into_font().color(&TEXT);
        let mut chart = ChartBuilder::on(&root)
            .margin(14)
            .margin_right(NAMES_WIDTH)
            .caption(&self.title, text(20))
            .x_label_area_size(48)
            .y_label_area_size(62)
            .build_cartesian_2d(
                ends(&xs).with_key_points(xs.clone()),
                ends(&ys).with_key_points(ys.clone()),
            )?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .axis_style(TEXT)
            .label_style(text(14))
            .axis_desc_style(text(15))
            .x_labels(xs.len())
            .y_labels(ys.len())
            .x_desc("calls in flight")
            .y_desc(self.ratio_of)
            .x_label_formatter(&|x| value(*x).to_string())
            .y_label_formatter(&|y| format!("{}×", value(*y)))
            .draw()?;

        let mut names = Vec::new();
        for line in &self.lines {
            let style = style(line.peer);
            let points: Vec<(i32, i32)> =
                line.points.iter().map(|(x, y)| (place(*x as f64), place(*y))).collect();
            chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
            if line.peer != PeerName::B {
                chart.draw_series(points.iter().map(|point| Circle::new(*point, 4, style.filled())))?;
            }
            if let (Some(last), Some((_, ratio))) = (points.last(), line.points.last()) {
                let end = chart.backend_coord(last);
                let text = format!("{} {ratio:.2}×", line.peer.label());
                names.push(Name { text, style, end, y: end.1 });
            }
        }
        drop(chart);

        spread(&mut names);
        let font = text(15).pos(Pos::new(HPos::Left, VPos::Center));
        for Name { text, style, end: (x, line_y), y } in names {
            let thin = style.color.stroke_width(1);
            root.draw(&PathElement::new([(x + 7, line_y), (x + 26, y)], thin))?;
            root.draw(&Text::new(text, (x + 31, y), &font))?;
        }
        Ok(root.present()?)
    }

    /// The places of the powers of two around all values.
    fn axis(&self, of: impl Fn(&(usize, f64)) -> f64) -> Vec<i32> {
        let values = self.lines.iter().flat_map(|line| &line.points).map(of);
        let (low, high) =
            values.fold((1.0_f64, 1.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = (low.log2().floor() as i32, high.log2().ceil() as i32);
        // More than eight would be a fence.
        let step = if high - low > 7 { 2 } else { 1 };
        (low..=high).step_by(step).map(|exponent| exponent * DOUBLING).collect()
    }
}

/// Where a value is on an axis.
fn place(value: f64) -> i32 {
    (value.log2() * f64::from(DOUBLING)).round() as i32
}

/// What is at a place.
fn value(place: i32) -> f64 {
    (f64::from(place) / f64::from(DOUBLING)).exp2()
}

/// The ends of an axis, a little outside of its outermost marks.
fn ends(marks: &[i32]) -> Range<i32> {
    let margin = DOUBLING / 8;
    marks.first().map_or(0, |first| first - margin)..marks.last().map_or(DOUBLING, |last| last + margin)
}

/// Moves names apart that would overlap, each as little as the others allow.
fn spread(names: &mut [Name]) {
    names.sort_by_key(|name| name.end.1);
    // Down from the highest; then what has gone too far comes back half of the way, with what it has pushed.
    let mut lowest = i32::MIN;
    for name in names.iter_mut() {
        name.y = name.end.1.max(lowest);
        lowest = name.y + NAME_HEIGHT;
    }
    let mut limit = i32::MAX;
    for name in names.iter_mut().rev() {
        let wanted = i32::midpoint(name.y, name.end.1);
        name.y = wanted.min(limit);
        limit = name.y - NAME_HEIGHT;
    }
}

/// Colours that differ for everybody (after Okabe and Ito), on white; ours are broad.
fn style(peer: PeerName) -> ShapeStyle {
    let (red, green, blue) = match peer {
        PeerName::B => (0, 0, 0),
        PeerName::BSpawn => (140, 140, 140),
        PeerName::NatsService => (204, 121, 167),
        PeerName::Tarpc => (230, 159, 0),
        PeerName::TarpcMsgpack => (213, 94, 0),
        PeerName::Tonic => (0, 158, 115),
        PeerName::Ours | PeerName::Memory => (0, 114, 178),
        PeerName::OneByOne => (86, 180, 233),
    };
    let width = match peer {
        PeerName::B => 1,
        PeerName::Ours | PeerName::OneByOne => 4,
        _ => 2,
    };
    RGBColor(red, green, blue).stroke_width(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_overlap_and_stay_where_there_is_room() {
        let name = |y| Name { text: String::new(), style: style(PeerName::B), end: (0, y), y };
        let mut names: Vec<Name> = [100, 300, 302, 101, 103, 310].map(name).into();
        spread(&mut names);
        for (name, next) in names.iter().zip(names.iter().skip(1)) {
            assert!(next.y - name.y >= NAME_HEIGHT);
        }
        let mut alone = [name(100), name(200)];
        spread(&mut alone);
        assert_eq!(alone.map(|name| name.y), [100, 200]);
    }

    #[test]
    fn a_chart_has_the_names_of_its_lines() {
        let line = Line { peer: PeerName::Tonic, points: vec![(1, 0.5), (1024, 0.25)] };
        let chart = Chart { title: "Title".to_owned(), ratio_of: "speed", lines: vec![line] };
        let svg = chart.svg().unwrap();
        for text in ["Title", "tonic 0.25×", "speed", "1024"] {
            assert!(svg.contains(text), "{text} is in the chart");
        }
    }
}
