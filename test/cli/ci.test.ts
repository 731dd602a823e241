import { expect, test } from 'vitest';
import { recogniseCi } from '../../src/cli/ci.ts';

test.each([
  [
    'GitHub',
    {
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'ann',
      GITHUB_REPOSITORY: 'lab/fw',
      GITHUB_RUN_ID: '991',
      GITHUB_WORKFLOW: 'nightly',
      GITHUB_JOB: 'flash',
      GITHUB_RUN_NUMBER: '17',
    },
    { name: 'ann', link: 'https://github.com/lab/fw/actions/runs/991', note: 'lab/fw nightly / flash #17' },
  ],
  [
    'GitHub, enterprise',
    { GITHUB_ACTIONS: 'true', GITHUB_SERVER_URL: 'https://git.lab', GITHUB_REPOSITORY: 'a/b', GITHUB_RUN_ID: '1' },
    { name: 'github', link: 'https://git.lab/a/b/actions/runs/1', note: 'a/b' },
  ],
  [
    'GitLab',
    {
      GITLAB_CI: 'true',
      GITLAB_USER_LOGIN: 'bob',
      CI_JOB_URL: 'https://gitlab/j/5',
      CI_PROJECT_PATH: 'lab/fw',
      CI_JOB_NAME: 'test',
      CI_PIPELINE_IID: '8',
    },
    { name: 'bob', link: 'https://gitlab/j/5', note: 'lab/fw test #8' },
  ],
  [
    'Jenkins',
    { JENKINS_URL: 'http://j/', BUILD_URL: 'http://j/job/x/3/', JOB_NAME: 'x', BUILD_NUMBER: '3' },
    { name: 'jenkins', link: 'http://j/job/x/3/', note: 'x #3' },
  ],
  [
    'Buildkite',
    {
      BUILDKITE: 'true',
      BUILDKITE_BUILD_CREATOR: 'Cy Park',
      BUILDKITE_BUILD_URL: 'https://bk/b/2',
      BUILDKITE_JOB_ID: 'j1',
      BUILDKITE_PIPELINE_SLUG: 'fw',
      BUILDKITE_LABEL: 'flash',
      BUILDKITE_BUILD_NUMBER: '2',
    },
    { name: 'Cy Park', link: 'https://bk/b/2#j1', note: 'fw flash #2' },
  ],
  [
    'Azure',
    {
      TF_BUILD: 'True',
      SYSTEM_COLLECTIONURI: 'https://dev.azure.com/lab/',
      SYSTEM_TEAMPROJECT: 'the fw',
      BUILD_BUILDID: '44',
      BUILD_REQUESTEDFOR: 'Dee',
      BUILD_DEFINITIONNAME: 'ci',
      SYSTEM_JOBDISPLAYNAME: 'Job',
      BUILD_BUILDNUMBER: '2026.1',
    },
    { name: 'Dee', link: 'https://dev.azure.com/lab/the%20fw/_build/results?buildId=44', note: 'ci Job #2026.1' },
  ],
  [
    'CircleCI',
    {
      CIRCLECI: 'true',
      CIRCLE_USERNAME: 'eve',
      CIRCLE_BUILD_URL: 'https://circleci.com/b/9',
      CIRCLE_PROJECT_USERNAME: 'lab',
      CIRCLE_PROJECT_REPONAME: 'fw',
      CIRCLE_JOB: 'hil',
      CIRCLE_BUILD_NUM: '9',
    },
    { name: 'eve', link: 'https://circleci.com/b/9', note: 'lab/fw hil #9' },
  ],
  ['no CI at all', { USER: 'ann' }, { name: null, link: null, note: null }],
])('%s is recognised by its own variables', (_, env, caller) => {
  expect(recogniseCi(env)).toEqual(caller);
});

test('a name or title that somebody chose badly does not make the call fail', () => {
  const env = {
    GITLAB_CI: 'true',
    GITLAB_USER_LOGIN: 'a\nb',
    CI_JOB_NAME: 'x'.repeat(5000),
    CI_JOB_URL: 'javascript:alert(1)',
  };
  const { name, link, note } = recogniseCi(env);
  expect(name).toBe('a b');
  expect(link).toBeNull();
  expect(note).toHaveLength(200);
});
