import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import path from 'node:path';

/**
 * Loaded into each process of a profiled pipeline (`node --import`), because Node 20 takes no --cpu-prof from
 * NODE_OPTIONS. Profiles the whole life of the process and writes PROFILE_DIRECTORY/SERVICE-PID.cpuprofile at its exit.
 */
const directory = process.env['PROFILE_DIRECTORY'];
if (directory !== undefined) profileTo(directory);

function profileTo(target: string): void {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.start');
  process.once('exit', () => {
    // In the thread that is profiled the answer comes before `post` returns.
    session.post('Profiler.stop', (error, result) => {
      if (error !== null) throw error;
      const command = process.argv[2] === 'service' ? (process.argv[3] ?? '') : 'run';
      const file = path.join(target, `${command}-${process.pid}.cpuprofile`);
      writeFileSync(file, JSON.stringify(result.profile));
    });
  });
}
