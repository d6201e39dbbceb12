fn main() {
    let mut b = wasm_bindgen_cli_support::Bindgen::new();
    b.input_path("target/wasm32-unknown-unknown/tag/tag.wasm").bundler(true).unwrap().typescript(false).remove_name_section(std::env::args().count() < 2).remove_producers_section(true).out_name("tag");
    b.generate(std::env::args().nth(1).unwrap_or("target/tag-spike".into())).unwrap();
}
