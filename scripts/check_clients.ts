// Calls a server with the TypeScript types that check-clients.sh has made of its description. The compiler
// checks the names and types of what is read here.

import type { components, paths } from "./api";

type Schemas = components["schemas"];
/** The JSON that a GET of this path answers with. */
type Answer<P extends keyof paths> = paths[P] extends {
    get: { responses: { 200: { content: { "application/json": infer A } } } };
}
    ? A
    : never;

declare const process: { argv: string[] };
const url = process.argv[2];

async function get<P extends keyof paths>(path: P, id?: number): Promise<Answer<P>> {
    const answer = await fetch(url + path.replace(/\{.*\}/, String(id)));
    if (answer.status !== 200) {
        throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    }
    return (await answer.json()) as Answer<P>;
}

async function predict(body: Schemas["Rows"]): Promise<Schemas["Predictions"]> {
    const answer = await fetch(`${url}/prediction?explain=true`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
    });
    if (answer.status !== 200) {
        const problem = (await answer.json()) as Schemas["Problem"];
        throw new Error(`${problem.status} ${problem.type}: ${problem.detail}`);
    }
    return (await answer.json()) as Schemas["Predictions"];
}

/** The weights of a feature, whatever its form. */
function weights(feature: Schemas["ModelFeature"]): number[] {
    if ("coefficient" in feature) {
        return [feature.coefficient];
    }
    return "levels" in feature ? feature.levels.map((level) => level.coefficient) : feature.effect;
}

function expect(isTrue: boolean, what: string): void {
    if (!isTrue) {
        throw new Error(what);
    }
}

const rows: Schemas["Rows"] = [
    { corporation: "Calm Co", lastmonth_activity: 900, lastyear_activity: 9000, number_of_employees: 40 },
    { corporation: "Quiet Co", lastmonth_activity: 3, lastyear_activity: null, number_of_employees: "12" },
];
const predictions = await predict(rows);
const total: number = predictions.probabilities.reduce((sum, probability) => sum + probability, 0);
expect(predictions.rows === 2 && total > 0 && predictions.ids[0] === "Calm Co", "predictions");
expect(predictions.explanations?.[0].unit === "log-odds", "explanations");
const ofFile = await predict({ path: "data/practicedata/clients_2026_q3.csv" });
expect(ofFile.rows > 0, "predictions for a file");

const model = await get("/v1/model");
expect(model.features.flatMap(weights).every(Number.isFinite), "weights");
const score = await get("/scoring");
const f1: number | null = score.f1;
expect(f1 !== null && f1 > 0, "F1");
const summary = await get("/summarystats");
expect(summary.columns.every((column) => column.count >= 0), "columns");
const diagnostics = await get("/diagnostics");
expect(diagnostics.timings.every((stage) => stage.last_seconds >= 0), "timings");
const drift = await get("/v1/drift");
expect(drift.runs.flatMap((run) => run.verdicts).length > 0, "verdicts");
const runs = await get("/v1/runs");
expect(runs.runs.every((run) => run.rows.total >= 0 && run.warnings.length >= 0), "runs");
const run = await get("/v1/runs/{id}", 2);
expect(run.started_at.endsWith("Z"), "a run");
const releases = await get("/v1/releases");
expect(releases.releases.some((release) => release.is_live), "releases");
const risks = await get("/v1/risks");
const bands: Schemas["Band"][] = risks.clients.map((client) => client.band);
expect(bands.length > 0, "clients");
const ready = await get("/readyz");
expect(ready.status === "ready" && (ready.checks ?? []).every((check) => check.ok), "ready");
expect((await get("/livez")).status === "alive", "alive");
expect((await get("/version")).model_version !== null, "version");
console.log("openapi-typescript: the types fit 11 answers and both forms of a request");

export {};
