/** The emulator has one region … */
export const EMULATOR_REGION = 'us-east-1';

/** … and one account. */
export const EMULATOR_ACCOUNT_ID = '000000000000';

/** What an AWS client of any service needs to talk to the emulator. */
export interface AwsClientConfig {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

/** `new SQSClient(awsClientConfig(endpoint))`; the emulator does not check the credentials, the client wants some. */
export function awsClientConfig(endpoint: string): AwsClientConfig {
  return { endpoint, region: EMULATOR_REGION, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
}
