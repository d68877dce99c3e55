import protobuf from 'protobufjs'

/** The messages of the richer error model, as clients have them. https://github.com/googleapis/googleapis/tree/master/google/rpc */
export const googleRpc = () => {
  const root = protobuf.parse(
    `syntax = "proto3";
     message Any { string type_url = 1; bytes value = 2; }
     message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
     message BadRequest {
       message FieldViolation { string field = 1; string description = 2; }
       repeated FieldViolation field_violations = 1;
     }`,
    { keepCase: true },
  ).root
  return { Status: root.lookupType('Status'), BadRequest: root.lookupType('BadRequest') }
}
