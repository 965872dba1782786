/** What a page of Prometheus metrics says. */
export type Samples = Array<{ name: string; labels: string; value: number }>

/** @throws Error where the page is not to be had */
export async function readMetrics(url: string, token: string): Promise<Samples> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return (await response.text())
    .split('\n')
    .map((line) => /^([a-z_]+)(?:\{([^}]*)\})? (\S+)$/.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ name: match[1]!, labels: match[2] ?? '', value: Number(match[3]) }))
}

/** Of all samples of a metric whose labels hold `filter`. */
export function sum(samples: Samples, metric: string, filter = ''): number {
  return samples
    .filter(({ name: each, labels }) => each === metric && labels.includes(filter))
    .reduce((total, { value }) => total + value, 0)
}
