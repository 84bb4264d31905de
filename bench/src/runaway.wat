;; A migration whose `describe` never ends and that can do nothing else.
(component
  (component $migrate
    (core module $core
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
      (func (export "describe") (result i32) (loop (br 0)) unreachable)
      (func (export "plan") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
      (func (export "open") (param i32) (result i32) unreachable)
      (func (export "process") (param i64 i32 i32 i32) (result i32) unreachable)
      (func (export "answer") (result i32) unreachable))
    (core instance $it (instantiate $core))
    (alias core export $it "realloc" (core func $realloc))
    (alias core export $it "memory" (core memory $memory))

    (type $ext (list (tuple string string)))
    (type $field-is (record
      (field "name" string) (field "parent" (option u32)) (field "data-type" string) (field "nullable" bool)
      (field "metadata" $ext)))
    (export $field "field" (type $field-is))
    (type $manifest-is (record
      (field "name" string) (field "version" string) (field "sdk" string) (field "encoding" string)
      (field "state" string) (field "batch-bytes" u32) (field "params-schema" string) (field "ext" $ext)))
    (export $manifest "manifest" (type $manifest-is))
    (type $applied-is (record
      (field "name" string) (field "version" string) (field "module" string) (field "params" string)))
    (export $applied "applied" (type $applied-is))
    (type $source-is (record
      (field "schema" (list $field)) (field "params" string) (field "applied" (list $applied)) (field "ext" $ext)))
    (export $source "source" (type $source-is))
    (type $origin-is (variant
      (case "carried" u32) (case "computed" (list u32)) (case "preserved" u32)))
    (export $origin "origin" (type $origin-is))
    (type $plan-is (record
      (field "target" (list $field)) (field "origins" (list (tuple u32 $origin))) (field "reads" (list u32))
      (field "shape" string) (field "ext" $ext)))
    (export $plan "schema-plan" (type $plan-is))
    (type $refusal-is (record
      (field "code" string) (field "message" string) (field "column" (option u32))))
    (export $refusal "refusal" (type $refusal-is))
    (type $failure-is (record (field "code" string) (field "message" string)))
    (export $failure "failure" (type $failure-is))
    (type $context-is (record
      (field "source" $source) (field "plan" $plan) (field "state" (option (list u8))) (field "ext" $ext)))
    (export $context "task-context" (type $context-is))
    (type $batch-is (record (field "first-row" u64) (field "rows" u32) (field "data" (list u8))))
    (export $batch "batch" (type $batch-is))
    (type $reject-is (record (field "row" u64) (field "code" string) (field "message" string)))
    (export $reject "reject" (type $reject-is))
    (type $output-is (record
      (field "data" (option (list u8))) (field "kept" (option (list u8))) (field "rejects" (list $reject))
      (field "more" bool)))
    (export $output "output" (type $output-is))

    (func $describe (result $manifest)
      (canon lift (core func $it "describe") (memory $memory) (realloc $realloc)))
    (func $plans (param "s" $source) (result (result $plan (error $refusal)))
      (canon lift (core func $it "plan") (memory $memory) (realloc $realloc)))
    (func $open (param "t" $context) (result (result (error $failure)))
      (canon lift (core func $it "open") (memory $memory) (realloc $realloc)))
    (func $process (param "b" $batch) (result (result $output (error $failure)))
      (canon lift (core func $it "process") (memory $memory) (realloc $realloc)))
    (func $answer (result (result $output (error $failure)))
      (canon lift (core func $it "answer") (memory $memory) (realloc $realloc)))
    (func $save (result (result (option (list u8)) (error $failure)))
      (canon lift (core func $it "answer") (memory $memory) (realloc $realloc)))
    (export "describe" (func $describe))
    (export "plan" (func $plans))
    (export "open" (func $open))
    (export "process" (func $process))
    (export "drain" (func $answer))
    (export "finish" (func $answer))
    (export "save" (func $save)))
  (instance $it (instantiate $migrate))
  (export "skein:migration/migrate@0.1.0" (instance $it)))
