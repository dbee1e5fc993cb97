// Only the parts of ECharts that pages use.
import { BarChart, CustomChart, HeatmapChart, LineChart, MapChart, RadarChart, ScatterChart } from "echarts/charts";
import { DatasetComponent, GeoComponent, GridComponent, LegendComponent, MarkLineComponent, RadarComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { init, registerMap, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([BarChart, CustomChart, HeatmapChart, LineChart, MapChart, RadarChart, ScatterChart, DatasetComponent, GeoComponent, GridComponent, LegendComponent, MarkLineComponent, RadarComponent, TooltipComponent, VisualMapComponent, SVGRenderer]);

export { init, registerMap };
