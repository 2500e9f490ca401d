/** Charts as SVG text, and pages of HTML in one file. Free of Node and of browsers. */
export { type Bar, type BarGroup, type BarsChartOptions, barsChart } from './bars-chart';
export { type Curve, type CurvesChartOptions, curvesChart } from './curves-chart';
export { type Bins, histogramChart, type Mark } from './histogram-chart';
export { escaped, page, table } from './html';
export { type Line, linesChart } from './lines-chart';
export { type Point, type PointsChartOptions, pointsChart } from './points-chart';
