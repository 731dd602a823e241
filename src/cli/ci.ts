/** Who asks, where to look, and for what: the defaults of holder and `--note`. */
export interface Caller {
  /** Null where the environment does not say; then the user's own name stands. */
  readonly name: string | null;
  readonly link: string | null;
  readonly note: string | null;
}

type Env = Readonly<Record<string, string | undefined>>;

const LONGEST_WORD = 200;
const LONGEST_LINK = 1000;

/** Recognises the CI systems by the variables that each sets in every job. The first that is recognised counts. */
export function recogniseCi(env: Env): Caller {
  const caller = github(env) ??
    gitlab(env) ??
    jenkins(env) ??
    buildkite(env) ??
    azure(env) ??
    circle(env) ?? { name: null, link: null, note: null };
  return { name: word(caller.name), link: link(caller.link), note: word(caller.note) };
}

function github(env: Env): Caller | null {
  if (env.GITHUB_ACTIONS !== 'true') return null;
  const server = env.GITHUB_SERVER_URL ?? 'https://github.com';
  const run = env.GITHUB_REPOSITORY && env.GITHUB_RUN_ID;
  return {
    name: env.GITHUB_ACTOR ?? 'github',
    link: run ? `${server}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}` : null,
    note: words(
      env.GITHUB_REPOSITORY,
      joined(' / ', env.GITHUB_WORKFLOW, env.GITHUB_JOB),
      number(env.GITHUB_RUN_NUMBER),
    ),
  };
}

function gitlab(env: Env): Caller | null {
  if (env.GITLAB_CI !== 'true') return null;
  return {
    name: env.GITLAB_USER_LOGIN ?? 'gitlab',
    link: env.CI_JOB_URL ?? null,
    note: words(env.CI_PROJECT_PATH, env.CI_JOB_NAME, number(env.CI_PIPELINE_IID)),
  };
}

function jenkins(env: Env): Caller | null {
  if (!env.JENKINS_URL && !env.JENKINS_HOME) return null;
  return {
    name: env.BUILD_USER_ID ?? env.CHANGE_AUTHOR ?? 'jenkins',
    link: env.BUILD_URL ?? null,
    note: words(env.JOB_NAME, number(env.BUILD_NUMBER)),
  };
}

function buildkite(env: Env): Caller | null {
  if (env.BUILDKITE !== 'true') return null;
  const job = env.BUILDKITE_JOB_ID ? `#${env.BUILDKITE_JOB_ID}` : '';
  return {
    name: env.BUILDKITE_BUILD_CREATOR ?? 'buildkite',
    link: env.BUILDKITE_BUILD_URL ? env.BUILDKITE_BUILD_URL + job : null,
    note: words(env.BUILDKITE_PIPELINE_SLUG, env.BUILDKITE_LABEL, number(env.BUILDKITE_BUILD_NUMBER)),
  };
}

function azure(env: Env): Caller | null {
  if (env.TF_BUILD?.toLowerCase() !== 'true') return null;
  const collection = env.SYSTEM_COLLECTIONURI ?? env.SYSTEM_TEAMFOUNDATIONCOLLECTIONURI;
  const known = collection && env.SYSTEM_TEAMPROJECT && env.BUILD_BUILDID;
  return {
    name: env.BUILD_REQUESTEDFOR ?? 'azure',
    link: known
      ? `${collection.replace(/\/*$/, '/')}${encodeURIComponent(env.SYSTEM_TEAMPROJECT ?? '')}/_build/results?buildId=${env.BUILD_BUILDID}`
      : null,
    note: words(env.BUILD_DEFINITIONNAME, env.SYSTEM_JOBDISPLAYNAME, number(env.BUILD_BUILDNUMBER)),
  };
}

function circle(env: Env): Caller | null {
  if (env.CIRCLECI !== 'true') return null;
  return {
    name: env.CIRCLE_USERNAME ?? 'circleci',
    link: env.CIRCLE_BUILD_URL ?? null,
    note: words(
      joined('/', env.CIRCLE_PROJECT_USERNAME, env.CIRCLE_PROJECT_REPONAME),
      env.CIRCLE_JOB,
      number(env.CIRCLE_BUILD_NUM),
    ),
  };
}

function number(n: string | undefined): string | undefined {
  return n ? `#${n}` : undefined;
}

function words(...parts: readonly (string | null | undefined)[]): string | null {
  return joined(' ', ...parts);
}

function joined(by: string, ...parts: readonly (string | null | undefined)[]): string | null {
  const known = parts.filter((part) => part);
  return known.length > 0 ? known.join(by) : null;
}

/** These come from branch names and build titles: too long or with a line break, they must not make the call fail. */
function word(text: string | null): string | null {
  const clean = text
    ?.replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, LONGEST_WORD);
  return clean ? clean : null;
}

function link(text: string | null): string | null {
  return text && /^https?:\/\/\S+$/.test(text) && text.length <= LONGEST_LINK ? text : null;
}
